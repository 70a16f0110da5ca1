"""Help articles, their passages, and the postings that BM25 ranks by."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from conversations.models import Site


class Article(models.Model):
    """One help article in Markdown; only published ones are ever quoted."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="articles")
    slug = models.SlugField(max_length=120)
    title = models.CharField(max_length=200)
    body = models.TextField(help_text="Markdown.")
    locale = models.CharField(max_length=12, default="en")
    tags = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    is_published = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    indexed_version = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "slug"], name="one_article_per_slug"),
        ]

    def __str__(self) -> str:
        return self.title


class Passage(models.Model):
    """A piece of an article of about 900 characters, under its heading path."""

    article = models.ForeignKey(Article, models.CASCADE, related_name="passages")
    site = models.ForeignKey(Site, models.CASCADE, related_name="+")
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

    def __str__(self) -> str:
        return f"{self.article} > {self.heading}"


class Posting(models.Model):
    """How often a term stands in a passage."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="+")
    term = models.CharField(max_length=64)
    passage = models.ForeignKey(Passage, models.CASCADE, related_name="postings")
    frequency = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            # Also the index of the ranking query: all passages of a site with a term.
            models.UniqueConstraint(
                fields=["site", "term", "passage"], name="one_posting_per_term_and_passage"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.term} x{self.frequency}"
