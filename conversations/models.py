"""The record: sites, customers, conversations, episodes, messages, ratings."""

import secrets
import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

EMBEDDING_MODELS = [
    ("all-MiniLM-L6-v2", "all-MiniLM-L6-v2 (local, English)"),
    ("text-embedding-3-small", "text-embedding-3-small (OpenAI)"),
    ("text-embedding-3-large", "text-embedding-3-large (OpenAI)"),
    ("", "none: by words only"),
]


def new_site_secret() -> str:
    """Return a fresh secret for signing customers' identity."""
    return secrets.token_hex(32)


class Site(models.Model):
    """One website that embeds the widget, with what its manager may change."""

    key = models.SlugField(unique=True, help_text="The public key in the script tag.")
    name = models.CharField(max_length=100)
    secret = models.CharField(max_length=128, default=new_site_secret, editable=False)
    allowed_origins = ArrayField(
        # It becomes a part of the frame's policy: no wildcard, no separator, no path.
        models.CharField(
            max_length=255, validators=[RegexValidator(r"^https?://[A-Za-z0-9.\-\[\]:]+$")]
        ),
        default=list,
        blank=True,
        help_text="Exact origins that may embed the widget, as https://shop.example.com.",
    )
    require_identity = models.BooleanField(
        default=False, help_text="Refuse customers whose identity is not signed."
    )
    greeting = models.CharField(max_length=300, default="Hi! How can we help?")
    suggestions = ArrayField(
        models.CharField(max_length=120),
        default=list,
        blank=True,
        help_text="Questions offered in an empty conversation.",
    )
    accent = models.CharField(
        max_length=7, default="#1f6f5c", validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$")]
    )
    locale = models.CharField(max_length=12, default="en")
    privacy_url = models.URLField(blank=True)
    link_hosts = ArrayField(
        models.CharField(max_length=255),
        default=list,
        blank=True,
        help_text="Hosts that answers may link to, besides those of the cited articles.",
    )
    wrong_answer_target = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(0.005), MaxValueValidator(0.5)],
        help_text="The share (0 to 1) of given answers that may be wrong; from it follows how sure "
        "the assistant has to be.",
    )
    answer_threshold = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Confidence (0 to 1) from which on a question is answered; below it the "
        "assistant asks back, or passes it to a person. Empty: it follows from the share of wrong "
        "answers.",
    )
    embedding_model = models.CharField(
        max_length=60,
        choices=EMBEDDING_MODELS,
        blank=True,
        default="all-MiniLM-L6-v2",
        help_text="What finds articles by meaning, beside their words. A change is worked in "
        "behind the scenes: the old one serves until all articles are read anew.",
    )
    hold_sentences = models.BooleanField(
        default=False,
        help_text="Show no sentence of an answer before it was checked: safer, a little slower.",
    )
    redaction_patterns = ArrayField(
        models.CharField(max_length=300),
        default=list,
        blank=True,
        help_text="Regular expressions for what else is personal, as street addresses: it is "
        "hidden from models like e-mail addresses and card numbers.",
    )
    pinned_tier = models.CharField(
        max_length=10,
        choices=[("small", "Small"), ("standard", "Standard"), ("strong", "Strong")],
        blank=True,
        help_text="Always use models of this class. Empty: the rules choose.",
    )
    prompt_version = models.PositiveIntegerField(
        null=True, blank=True, editable=False, help_text="Of the answer's prompt; empty: newest."
    )
    served_embedding_model = models.CharField(max_length=60, blank=True, editable=False)
    offline_text = models.CharField(
        max_length=300,
        default="Nobody is at the desk right now. Your place is kept, and we answer here as soon "
        "as somebody is back. Leave your e-mail and we will write to you as well.",
    )
    idle_close_minutes = models.PositiveIntegerField(
        default=30, help_text="Minutes of silence after an answer until it counts as resolved."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Customer(models.Model):
    """Somebody who asks; anonymous unless the site signed who it is."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="customers")
    external_id = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    is_verified = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "external_id"],
                condition=models.Q(is_verified=True),
                name="one_verified_customer_per_external_id",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email or f"Visitor {str(self.public_id)[:4]}"

    @property
    def attribute_pairs(self) -> list[tuple[str, object]]:
        """The attributes for templates, where an attribute named "items" would hide the method."""
        return list(self.attributes.items())


class Conversation(models.Model):
    """One thread between a customer and whoever holds it."""

    class Status(models.TextChoices):
        """Who holds the conversation; the words of the wire protocol."""

        ASSISTANT = "assistant", "Assistant"
        WAITING = "waiting", "Waiting for a person"
        AGENT = "agent", "With an agent"
        RESOLVED = "resolved", "Resolved"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="conversations")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="conversations")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    token_expires_at = models.DateTimeField()
    identity_expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Until when the site's signature vouches for who asks."
    )
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.ASSISTANT)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="held"
    )
    holder_epoch = models.PositiveIntegerField(
        default=0, help_text="Rises with each change of holder; a turn of an older one is void."
    )
    last_seq = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(
        default=0, help_text="Rises with each visible change that is not a message."
    )
    episode = models.PositiveIntegerField(default=1)
    customer_read_seq = models.PositiveIntegerField(default=0)
    locale = models.CharField(max_length=12, default="en")
    page_url = models.CharField(max_length=2000, blank=True)
    network = models.CharField(
        max_length=32,
        blank=True,
        default="",
        # For processes of the release before, which name no such column.
        db_default="",
        editable=False,
        help_text="A keyed hash of the network that it was begun from; empty: not counted.",
    )
    is_sample = models.BooleanField(default=False, help_text="Made up for the demo's reports.")
    created_at = models.DateTimeField(default=timezone.now)
    last_message_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            # The relay's look for conversations that fell silent.
            models.Index(fields=["status", "last_message_at"], name="conversation_idle"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="agent", agent__isnull=False)
                | (~models.Q(status="agent") & models.Q(agent__isnull=True)),
                name="an_agent_holds_iff_status_says_so",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer} ({self.get_status_display()})"

    @property
    def is_vouched_for(self) -> bool:
        """Whether the site's signature still says who asks."""
        until = self.identity_expires_at
        # A token outlives a log-in by weeks: only a fresh signature unlocks a customer's data.
        return self.customer.is_verified and until is not None and until > timezone.now()


class Episode(models.Model):
    """One stretch of a conversation from its first question to its resolution.

    Reopening starts the next one; satisfaction and reports count episodes.
    """

    class HandledBy(models.TextChoices):
        """Who brought it to its end."""

        NOBODY = "nobody", "Nobody yet"
        ASSISTANT = "assistant", "Assistant"
        PERSON = "person", "Person"

    class Outcome(models.TextChoices):
        """How it ended; confirmed and assumed are never added together."""

        OPEN = "open", "Open"
        CONFIRMED = "confirmed", "Confirmed by the customer"
        ASSUMED = "assumed", "Assumed resolved"
        ABANDONED = "abandoned", "Abandoned"

    class ResolvedBy(models.TextChoices):
        """Whose act ended it."""

        CUSTOMER = "customer", "Customer"
        AGENT = "agent", "Agent"
        IDLE = "idle", "Silence"

    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="episodes")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    first_question_at = models.DateTimeField(null=True, blank=True)
    first_response_at = models.DateTimeField(null=True, blank=True)
    handed_off_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.CharField(
        max_length=10, choices=HandledBy.choices, default=HandledBy.NOBODY
    )
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.OPEN)
    resolved_by = models.CharField(max_length=10, choices=ResolvedBy.choices, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    rating_requested_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "number"], name="one_episode_per_number"
            ),
        ]
        indexes = [
            # The reports' span of days.
            models.Index(fields=["started_at"], name="episode_started"),
        ]

    def __str__(self) -> str:
        return f"{self.conversation} #{self.number}"


class Message(models.Model):
    """One durable message; ``seq`` is dense within its conversation."""

    class Author(models.TextChoices):
        """Who speaks; the words of the wire protocol."""

        CUSTOMER = "customer", "Customer"
        ASSISTANT = "assistant", "Assistant"
        AGENT = "agent", "Agent"
        SYSTEM = "system", "System"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="messages")
    seq = models.PositiveIntegerField()
    episode = models.PositiveIntegerField(default=1)
    author_kind = models.CharField(max_length=10, choices=Author.choices)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    author_name = models.CharField(max_length=200, blank=True)
    text = models.TextField()
    client_id = models.UUIDField(null=True, blank=True)
    citations = models.JSONField(default=list, blank=True)
    suggestions = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    is_answer = models.BooleanField(default=False, help_text="An answer that may be rated.")
    helpful = models.BooleanField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["conversation_id", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "seq"], name="one_message_per_seq"),
            models.UniqueConstraint(
                fields=["conversation", "client_id"],
                condition=models.Q(client_id__isnull=False),
                name="one_message_per_client_id",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author_kind} {self.seq}"


class Rating(models.Model):
    """The customer's score of one episode: once, and by nobody else."""

    episode = models.OneToOneField(Episode, models.PROTECT, related_name="rating")
    score = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(score__gte=1, score__lte=5), name="score_from_1_to_5"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.score} of 5"
