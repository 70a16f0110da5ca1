"""The Django application of the engines."""

from django.apps import AppConfig


class LlmConfig(AppConfig):
    """Register the package under its own name."""

    name = "llm"
    verbose_name = "Language models"
