"""Registers the package with Django."""

from django.apps import AppConfig


class WidgetConfig(AppConfig):
    """Widget."""

    name = "widget"
    verbose_name = "Widget"
