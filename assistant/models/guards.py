"""What an answer must not say: rows that a manager edits."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from conversations.models import Site


class OutputRule(models.Model):
    """Words that commit the company to what only a person may promise."""

    class Kind(models.TextChoices):
        """What is promised."""

        REFUND = "refund", "A refund"
        COMPENSATION = "compensation", "A compensation or discount"
        DATE = "date", "A date"
        OTHER = "other", "Something else"

    site = models.ForeignKey(
        Site, models.CASCADE, null=True, blank=True, help_text="Empty: all sites."
    )
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    phrases = ArrayField(
        models.CharField(max_length=120),
        help_text="Whole words or phrases, any case; * stands for the rest of a word.",
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["kind", "name"]

    def __str__(self) -> str:
        return self.name
