"""Help articles with their history, where they come from, and what they are searched by."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from pgvector.django import HalfVectorField, HnswIndex

from conversations.models import Site
from core.moments import write_moment

# Every embedding model is asked for as many: one column and one index serve all of them.
VECTOR_DIMENSIONS = 384


class Audience(models.TextChoices):
    """Who may be shown an article's words."""

    PUBLIC = "public", "customers"
    INTERNAL = "internal", "staff only"


class Source(models.Model):
    """Where articles come from, and come from again: a website, a folder, uploaded files."""

    class Kind(models.TextChoices):
        """How the articles are read."""

        WEBSITE = "website"
        # One file of it, too.
        FOLDER = "folder", "Files on the server"
        UPLOAD = "upload"

    site = models.ForeignKey(Site, models.PROTECT, related_name="sources")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    location = models.CharField(
        max_length=500, help_text="The address of a sitemap or page, or the folder's name."
    )
    locale = models.CharField(max_length=12, blank=True, help_text="Empty: the site's.")
    audience = models.CharField(max_length=10, choices=Audience.choices, default=Audience.PUBLIC)
    recrawl_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Empty: never by itself.",
    )
    next_crawl_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "kind", "location"], name="one_source_per_location"
            ),
        ]

    def __str__(self) -> str:
        return self.location


class ImportRun(models.Model):
    """One import from beginning to end: its progress, its counts, its errors by item."""

    class State(models.TextChoices):
        """Queued and running are open, the others terminal."""

        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    source = models.ForeignKey(Source, models.PROTECT, related_name="runs")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    upload = models.BinaryField(null=True, blank=True, help_text="Emptied once it was read.")
    upload_name = models.CharField(max_length=255, blank=True)
    total = models.PositiveIntegerField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    unpublished = models.PositiveIntegerField(default=0)
    errors = models.JSONField(default=dict, blank=True, help_text="The reason by item.")
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source"],
                condition=models.Q(state__in=["queued", "running"]),
                name="one_open_run_per_source",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {write_moment(self.created_at)}"


class Article(models.Model):
    """One help article in Markdown; only published, public ones are ever quoted to a customer."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="articles")
    slug = models.SlugField(max_length=120)
    title = models.CharField(max_length=200)
    body = models.TextField(help_text="Markdown.")
    locale = models.CharField(max_length=12, default="en")
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    audience = models.CharField(max_length=10, choices=Audience.choices, default=Audience.PUBLIC)
    is_published = models.BooleanField(default=True)
    source = models.ForeignKey(
        Source, models.PROTECT, null=True, blank=True, related_name="articles", editable=False
    )
    origin = models.CharField(
        max_length=500, blank=True, editable=False, help_text="The page or file in its source."
    )
    gone_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Since when its source has it no more; it comes back with its page.",
    )
    version = models.PositiveIntegerField(default=1)
    indexed_version = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "slug"], name="one_article_per_slug"),
        ]
        indexes = [
            # What a search leaves out: little, or so it should be.
            models.Index(
                fields=["site"],
                name="article_hidden",
                condition=~models.Q(is_published=True, audience="public"),
            ),
            # Is there anything in the question's language?
            models.Index(
                fields=["site", "locale"],
                name="article_locale",
                condition=models.Q(is_published=True),
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ArticleVersion(models.Model):
    """What an article said from ``created_at`` on; rows are only ever added."""

    article = models.ForeignKey(Article, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    body = models.TextField()
    locale = models.CharField(max_length=12)
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    audience = models.CharField(max_length=10, choices=Audience.choices)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["article", "number"], name="one_row_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.article} v{self.number}"


class Passage(models.Model):
    """A piece of an article of about 900 characters, under its heading path."""

    article = models.ForeignKey(Article, models.CASCADE, related_name="passages")
    site = models.ForeignKey(Site, models.CASCADE, related_name="+", db_index=False)
    position = models.PositiveIntegerField()
    heading = models.CharField(max_length=400, blank=True)
    text = models.TextField()
    length = models.PositiveIntegerField(help_text="Terms, for BM25's length norm.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["article", "position"], name="one_passage_per_position"
            ),
        ]
        indexes = [
            # How many a site has, and how long they are, without a look at their texts.
            models.Index(fields=["site"], name="passage_lengths", include=["length"]),
        ]

    def __str__(self) -> str:
        return f"{self.article} > {self.heading}"


class Posting(models.Model):
    """How often a term stands in a passage of ``length`` terms."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="+", db_index=False)
    term = models.CharField(max_length=64)
    passage = models.ForeignKey(Passage, models.CASCADE, related_name="postings", db_index=False)
    frequency = models.PositiveSmallIntegerField()
    length = models.PositiveSmallIntegerField(help_text="The passage's, to score without it.")

    class Meta:
        constraints = [
            # Also finds what a passage holds of a question.
            models.UniqueConstraint(
                fields=["passage", "term"], name="one_posting_per_passage_and_term"
            ),
        ]
        indexes = [
            # The search by words reads nothing else; of a word too common to read all of, the
            # passages first that it stands in most.
            models.Index(
                fields=["site", "term", "-frequency"],
                name="posting_by_term",
                include=["passage", "length"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.term} x{self.frequency}"


class PassageVector(models.Model):
    """The vectors of a passage and of its parts by one embedding model.

    While a site changes its model a passage has two rows; the old one serves until all the
    new are there.
    """

    passage = models.ForeignKey(Passage, models.CASCADE, related_name="vectors", db_index=False)
    site = models.ForeignKey(Site, models.CASCADE, related_name="+", db_index=False)
    model = models.CharField(max_length=60)
    vector = HalfVectorField(dimensions=VECTOR_DIMENSIONS)
    parts = models.BinaryField(
        help_text="float16, VECTOR_DIMENSIONS each for the title, the heading and each sentence."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["passage", "model"], name="one_vector_per_model"),
        ]
        indexes = [
            # A small site is searched through from end to end.
            models.Index(fields=["site", "model"], name="vector_by_site"),
            # A large one along the graph (docs/decisions/0006).
            HnswIndex(fields=["vector"], name="vector_graph", opclasses=["halfvec_cosine_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.passage_id} {self.model}"
