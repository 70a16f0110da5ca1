"""Core holds no models; the app exists for its checks and template tags."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Errors, realtime, ids, limits, markup."""

    name = "core"
