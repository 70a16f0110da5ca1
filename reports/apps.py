"""Registers the package with Django."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Satisfaction reports."""

    name = "reports"
    verbose_name = "Satisfaction reports"
