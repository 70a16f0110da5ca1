"""Tools that are configured in the admin, and every call of any tool."""

import uuid

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from assistant.models.turns import Turn
from conversations.models import Conversation, Message, Site


class Effect(models.TextChoices):
    """Whether a call changes something: such a call needs the customer's click."""

    READ = "read", "Reads"
    WRITE = "write", "Changes something"


class Audience(models.TextChoices):
    """For whom a tool may be called."""

    CUSTOMER = "customer", "Every customer"
    VERIFIED = "verified", "Signed-in customers"
    AGENT = "agent", "Agents"


class HttpTool(models.Model):
    """A call to a server of the company, as a tool for the model."""

    class Method(models.TextChoices):
        """Arguments that the address does not hold go into the query (GET) or the JSON body."""

        GET = "GET", "GET"
        POST = "POST", "POST"
        PUT = "PUT", "PUT"
        PATCH = "PATCH", "PATCH"
        DELETE = "DELETE", "DELETE"

    site = models.ForeignKey(Site, models.CASCADE, related_name="http_tools")
    name = models.SlugField(max_length=50, help_text="The model calls it so: order_status.")
    description = models.TextField(help_text="What it does and when to call it, for the model.")
    method = models.CharField(max_length=6, choices=Method.choices, default=Method.GET)
    url_template = models.CharField(
        max_length=500, help_text="As https://shop.example.com/orders/{number}."
    )
    headers = models.JSONField(
        default=dict,
        blank=True,
        help_text='As {"Authorization": "secret:SHOP_TOKEN"}: the value of TOOL_SECRET_SHOP_TOKEN.',
    )
    parameters = models.JSONField(help_text="JSON schema of the arguments.")
    effect = models.CharField(max_length=5, choices=Effect.choices, default=Effect.READ)
    audience = models.CharField(max_length=10, choices=Audience.choices, default=Audience.VERIFIED)
    card_title = models.CharField(
        max_length=120, blank=True, help_text="What the customer confirms: Cancel order {number}?"
    )
    card_text = models.CharField(max_length=500, blank=True)
    rate_a_minute = models.PositiveSmallIntegerField(
        default=10, help_text="Calls a minute for one customer."
    )
    timeout_seconds = models.FloatField(
        default=5.0, validators=[MinValueValidator(0.5), MaxValueValidator(20.0)]
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name = "HTTP tool"
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="one_http_tool_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ToolCall(models.Model):
    """One call of a tool: who asked for it, what came of it; an effect happens once."""

    class State(models.TextChoices):
        """Proposed and running are open; what is unknown is a person's to find out."""

        PROPOSED = "proposed", "Waits for the customer"
        CONFIRMED = "confirmed", "Confirmed"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        REFUSED = "refused", "Refused"
        CANCELLED = "cancelled", "Cancelled"
        EXPIRED = "expired", "Expired"
        UNKNOWN = "unknown", "Outcome unknown"

    public_id = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False, help_text="Also the idempotency key."
    )
    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="tool_calls")
    turn = models.ForeignKey(Turn, models.PROTECT, null=True, blank=True, related_name="tool_calls")
    tool = models.CharField(max_length=50)
    effect = models.CharField(max_length=5, choices=Effect.choices)
    state = models.CharField(max_length=10, choices=State.choices)
    arguments = models.JSONField(default=dict, help_text="Redacted.")
    sealed_arguments = models.TextField(
        blank=True, help_text="The real ones, encrypted, until the effect has ended."
    )
    result = models.TextField(blank=True, help_text="Redacted.")
    error_code = models.CharField(max_length=50, blank=True)
    card = models.JSONField(
        default=dict, blank=True, help_text="Title and lines of what the customer confirms."
    )
    message = models.ForeignKey(
        Message,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="tool_calls",
        help_text="The message that shows the card.",
    )
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message"],
                condition=models.Q(message__isnull=False),
                name="one_card_per_message",
            ),
        ]
        indexes = [
            # The relay's look for what expired, and for what a dead worker left.
            models.Index(
                fields=["state", "created_at"],
                name="tool_call_open",
                condition=models.Q(state__in=["proposed", "confirmed", "running"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tool} {self.state}"
