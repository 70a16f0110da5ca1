"""Hand-offs to people, the agents, and the rules that flag a message."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from conversations.models import Conversation, Episode, Site


class AgentProfile(models.Model):
    """An agent's presence: online while the desk was heard from lately."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="agent")
    is_available = models.BooleanField(default=True, help_text="Off: at the desk, but not free.")
    last_seen_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.user)


class HandOff(models.Model):
    """One passing of a conversation to people, with its reason."""

    class Reason(models.TextChoices):
        """Why a person is needed."""

        LOW_CONFIDENCE = "low_confidence", "Not sure of the answer"
        ASKED_FOR_PERSON = "asked_for_person", "Asked for a person"
        FLAGGED = "flagged", "Flagged content"
        NEGATIVE_SENTIMENT = "negative_sentiment", "Upset customer"
        REPEATED_QUESTION = "repeated_question", "Asked again without success"
        MUST_NOT_DECIDE = "must_not_decide", "A person must decide"
        MODEL_UNAVAILABLE = "model_unavailable", "Assistant unavailable"
        TOOL_FAILED = "tool_failed", "Outcome of an action unknown"
        TRANSFERRED = "transferred", "Passed on by an agent"

    class State(models.TextChoices):
        """Where it stands."""

        WAITING = "waiting", "Waiting"
        TAKEN = "taken", "Taken"
        RETURNED = "returned", "Handed back to the assistant"
        CLOSED = "closed", "Closed"

    class Urgency(models.IntegerChoices):
        """The queue's first order; smaller is served first."""

        URGENT = 1, "Urgent"
        HIGH = 2, "High"
        NORMAL = 3, "Normal"
        LOW = 4, "Low"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="hand_offs")
    episode = models.ForeignKey(Episode, models.PROTECT, related_name="hand_offs")
    reason = models.CharField(max_length=20, choices=Reason.choices)
    detail = models.CharField(max_length=300, blank=True)
    urgency = models.PositiveSmallIntegerField(choices=Urgency.choices, default=Urgency.NORMAL)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    taken_at = models.DateTimeField(null=True, blank=True)
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="hand_offs"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "hand-off"
        permissions = [("work_queue", "Can take, answer and resolve conversations")]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"],
                condition=models.Q(state__in=["waiting", "taken"]),
                name="one_open_hand_off_per_conversation",
            ),
        ]
        indexes = [
            # The queue, and a customer's place in it.
            models.Index(fields=["state", "urgency", "created_at"], name="hand_off_queue"),
            # Those of the last hour, to count a network's.
            models.Index(fields=["created_at"], name="hand_off_created"),
        ]

    def __str__(self) -> str:
        return f"{self.conversation.customer}: {self.get_reason_display()}"


class FlagRule(models.Model):
    """What is done with a message that no model may answer; edited by managers."""

    class Kind(models.TextChoices):
        """What the rule looks for."""

        THREAT = "threat", "Threat"
        SELF_HARM = "self_harm", "Self-harm"
        LEGAL = "legal", "Legal threat"
        ABUSE = "abuse", "Abuse"
        ASKED_FOR_PERSON = "asked_for_person", "Asks for a person"
        UPSET = "upset", "Upset customer"
        MEDICAL = "medical", "Asks for medical advice"
        LEGAL_ADVICE = "legal_advice", "Asks for legal advice"
        CARD_DATA = "card_data", "Sends payment card data"

    class Action(models.TextChoices):
        """What follows."""

        HAND_OFF = "hand_off", "Say the text and bring in a person"
        REPLY_ONLY = "reply_only", "Say the text only; the assistant stays"

    site = models.ForeignKey(
        Site, models.CASCADE, null=True, blank=True, help_text="Empty: all sites."
    )
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    phrases = ArrayField(
        models.CharField(max_length=120),
        help_text="Whole words or phrases, any case; * stands for the rest of a word.",
    )
    customer_text = models.CharField(
        max_length=500, blank=True, help_text="Said to the customer instead of the usual text."
    )
    action = models.CharField(
        max_length=10,
        choices=Action.choices,
        default=Action.HAND_OFF,
        help_text="With the text only, nobody is called: it needs a text that helps by itself.",
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["kind", "name"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(action="reply_only", customer_text=""),
                name="rule_that_only_replies_has_a_text",
                violation_error_message="Without a person there must be a text for the customer.",
            ),
        ]

    def __str__(self) -> str:
        return self.name
