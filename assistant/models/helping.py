"""What people ask the models to do for them."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.models import Conversation


class HelperRun(models.Model):
    """One piece of help for an agent or a manager; nothing of it is sent without a click."""

    class Kind(models.TextChoices):
        """What is wanted."""

        DRAFT_REPLY = "draft_reply", "Draft a reply"
        SUMMARY = "summary", "Summarise"
        TRANSLATION = "translation", "Translate"
        TONE = "tone", "Change the tone"
        TITLE = "title", "Title"
        TAGS = "tags", "Suggest tags"
        ARTICLE = "article", "Draft an article"
        PROMPT_TRIAL = "prompt_trial", "Try a prompt"

    class State(models.TextChoices):
        """Queued and running are open."""

        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    conversation = models.ForeignKey(
        Conversation, models.PROTECT, null=True, blank=True, related_name="helper_runs"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="helper_runs"
    )
    input = models.JSONField(default=dict, blank=True)
    output = models.JSONField(default=dict, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    engine = models.CharField(max_length=20, blank=True)
    model = models.CharField(max_length=100, blank=True)
    prompt_version = models.CharField(max_length=50, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    error_code = models.CharField(max_length=50, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            # The relay's look for what nobody took up, and for what a dead worker left.
            models.Index(
                fields=["created_at"],
                name="helper_run_open",
                condition=models.Q(state__in=["queued", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"
