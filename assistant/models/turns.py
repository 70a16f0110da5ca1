"""The audit trail of the assistant: one row a turn."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.models import Conversation, Message, Site


class Turn(models.Model):
    """One attempt of the assistant to answer ``from_seq..through_seq`` of a conversation.

    The row is also the outbox: the relay publishes again what stays queued.
    """

    class State(models.TextChoices):
        """Queued and running are open, the others terminal."""

        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        SUPERSEDED = "superseded"
        CANCELLED = "cancelled"

    class Outcome(models.TextChoices):
        """What the customer got."""

        ANSWERED = "answered"
        ASKED_BACK = "asked_back"
        HANDED_OFF = "handed_off"
        STOPPED = "stopped"
        NONE = ""

    public_id = models.UUIDField(
        default=uuid.uuid4,
        unique=True,
        editable=False,
        help_text="Also the public id of the message that it will write.",
    )
    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="turns")
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    from_seq = models.PositiveIntegerField()
    through_seq = models.PositiveIntegerField(
        null=True, blank=True, help_text="Frozen at the first claim."
    )
    holder_epoch = models.PositiveIntegerField()
    attempt = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(
        null=True, blank=True, help_text="Set when the turn reaches the head of its conversation."
    )
    next_publish_at = models.DateTimeField(default=timezone.now)
    publish_count = models.PositiveSmallIntegerField(default=0)
    partial_text = models.TextField(blank=True)
    outcome = models.CharField(
        max_length=12, choices=Outcome.choices, default=Outcome.NONE, blank=True
    )
    hand_off_reason = models.CharField(max_length=20, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    features = models.JSONField(
        default=dict, blank=True, help_text="What the confidence was computed from."
    )
    topic = models.CharField(
        max_length=50, blank=True, help_text="The first tag of the article on top."
    )
    engine = models.CharField(max_length=20, blank=True)
    model = models.CharField(max_length=100, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=50, blank=True)
    message = models.OneToOneField(
        Message, models.PROTECT, null=True, blank=True, related_name="turn"
    )
    created_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(state="running"),
                name="one_running_turn_per_conversation",
            ),
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(state="queued"),
                name="one_queued_turn_per_conversation",
            ),
        ]
        indexes = [
            # The relay and the workers' poll look at open turns only.
            models.Index(
                fields=["next_publish_at"],
                name="turn_queued",
                condition=models.Q(state="queued"),
            ),
            models.Index(
                fields=["lease_until"],
                name="turn_running",
                condition=models.Q(state="running"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}:{self.from_seq} {self.state}"


class Calibration(models.Model):
    """Weights and thresholds fitted on a site's own verdicts; the newest active one is used."""

    class State(models.TextChoices):
        """A proposal changes nothing until a manager activates it."""

        PROPOSED = "proposed"
        ACTIVE = "active"
        RETIRED = "retired"

    site = models.ForeignKey(Site, models.PROTECT, related_name="calibrations")
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    samples = models.PositiveIntegerField(help_text="Verdicts that it was fitted on.")
    weights = models.JSONField(help_text="The logistic regression, by feature.")
    thresholds = models.JSONField(help_text="By topic; the empty topic is for all others.")
    curves = models.JSONField(help_text="Risk by coverage, before and after.")
    created_at = models.DateTimeField(default=timezone.now)
    activated_at = models.DateTimeField(null=True, blank=True)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site"],
                condition=models.Q(state="active"),
                name="one_active_calibration_per_site",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.site} {self.created_at:%Y-%m-%d %H:%M} ({self.state})"
