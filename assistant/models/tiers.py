"""Which class of model a turn is given: the tiers and the rules that choose one."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from conversations.models import Site


class Tier(models.TextChoices):
    """A class of models, cheapest first."""

    SMALL = "small", "Small"
    STANDARD = "standard", "Standard"
    STRONG = "strong", "Strong"


class TierRule(models.Model):
    """One row of the table that chooses the tier: the first that fits wins; empty fits all."""

    site = models.ForeignKey(
        Site, models.CASCADE, null=True, blank=True, help_text="Empty: all sites."
    )
    position = models.PositiveSmallIntegerField(default=100, help_text="Smaller is asked first.")
    task = models.CharField(max_length=20, blank=True, help_text="As answer, rewrite, summary.")
    min_words = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The question has at least so many words."
    )
    min_parts = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="The message holds at least so many questions."
    )
    max_confidence = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0.0), MaxValueValidator(1.0)],
        help_text="Retrieval is at most so sure (0 to 1).",
    )
    needs_tools = models.BooleanField(null=True, blank=True, help_text="Tools are on offer.")
    plan = models.CharField(
        max_length=50, blank=True, help_text="The customer's plan, as the site signed it."
    )
    tier = models.CharField(max_length=10, choices=Tier.choices)
    note = models.CharField(max_length=200, blank=True)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return f"{self.position}: {self.get_tier_display()}"
