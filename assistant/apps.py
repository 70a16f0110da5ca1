"""Registers the package with Django."""

from django.apps import AppConfig


class AssistantConfig(AppConfig):
    """The assistant."""

    name = "assistant"
    verbose_name = "The assistant"
