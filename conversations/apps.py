"""Registers the package with Django."""

from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    """The record."""

    name = "conversations"
    verbose_name = "The record"
