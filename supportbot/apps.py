"""Registers the product's own management commands with Django."""

from django.apps import AppConfig


class SupportbotConfig(AppConfig):
    """Settings, environment and the demo."""

    name = "supportbot"
    verbose_name = "supportbot"
