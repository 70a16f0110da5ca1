"""Answers that may be given again word for word."""

from django.db import models
from django.utils import timezone

from conversations.models import Site


class CachedAnswer(models.Model):
    """An answer to exactly one question, by the articles and the prompt of that time.

    Hits are counted by the turns that point here.
    """

    site = models.ForeignKey(Site, models.CASCADE, related_name="cached_answers")
    key = models.CharField(max_length=64, unique=True)
    question = models.TextField()
    locale = models.CharField(max_length=12)
    text = models.TextField()
    citations = models.JSONField(default=list, blank=True)
    confidence = models.FloatField()
    knowledge_version = models.PositiveBigIntegerField()
    prompt_version = models.CharField(max_length=50)
    cost = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, blank=True, help_text="USD, when written."
    )
    is_disabled = models.BooleanField(default=False, help_text="It did not help somebody.")
    source_message = models.ForeignKey(
        "conversations.Message", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            # What grew old is dropped.
            models.Index(fields=["created_at"], name="cached_answer_age"),
        ]

    def __str__(self) -> str:
        return self.question[:60]
