"""Registers the package with Django."""

from django.apps import AppConfig


class EscalationConfig(AppConfig):
    """Hand-offs to people."""

    name = "escalation"
    verbose_name = "Hand-offs to people"
