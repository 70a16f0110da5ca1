"""Weights and thresholds that were fitted on a site's own verdicts."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from conversations.models import Site
from core.moments import write_moment


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
        return f"{self.site} {write_moment(self.created_at)} ({self.state})"
