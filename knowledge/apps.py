"""Registers the package with Django."""

from django.apps import AppConfig


class KnowledgeConfig(AppConfig):
    """Help articles."""

    name = "knowledge"
    verbose_name = "Help articles"
