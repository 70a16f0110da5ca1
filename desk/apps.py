"""Registers the package with Django."""

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """Desk."""

    name = "desk"
    verbose_name = "Desk"
