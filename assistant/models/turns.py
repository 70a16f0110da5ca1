"""The audit trail of the assistant: one row a turn, and what it saw and said."""

import uuid

from django.db import models
from django.utils import timezone

from assistant.models.cache import CachedAnswer
from assistant.models.tiers import Tier
from conversations.models import Conversation, Message


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
    self_confidence = models.FloatField(
        null=True, blank=True, help_text="The model's own (0 to 1)."
    )
    groundedness = models.FloatField(
        null=True, blank=True, help_text="Share of the answer's words that its sources hold."
    )
    mean_logprob = models.FloatField(
        null=True, blank=True, help_text="Mean log-probability of the answer's tokens."
    )
    features = models.JSONField(
        default=dict, blank=True, help_text="What the confidence was computed from."
    )
    topic = models.CharField(
        max_length=50, blank=True, help_text="The first tag of the article on top."
    )
    tier = models.CharField(max_length=10, choices=Tier.choices, blank=True)
    tier_reason = models.CharField(max_length=200, blank=True)
    prompt_version = models.CharField(max_length=50, blank=True)
    engine = models.CharField(max_length=20, blank=True)
    model = models.CharField(max_length=100, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, help_text="USD, all attempts."
    )
    cached_answer = models.ForeignKey(
        CachedAnswer, models.SET_NULL, null=True, blank=True, related_name="served_turns"
    )
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
            # The report of models and money, which looks at some days.
            models.Index(fields=["created_at"], name="turn_created"),
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


class TurnRecord(models.Model):
    """What a turn saw, sent and got back, redacted; a row apart, so that it may be kept shorter."""

    turn = models.OneToOneField(Turn, models.CASCADE, related_name="record")
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"record of {self.turn_id}"
