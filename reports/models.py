"""The permission to read reports; the figures themselves are computed from the record."""

from django.db import models


class Report(models.Model):
    """Carries the permission only: there is no such table."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_reports", "Can read satisfaction reports")]

    def __str__(self) -> str:
        return "Satisfaction report"
