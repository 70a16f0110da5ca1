"""Core holds no models; the app exists for its checks and template tags."""

from django.apps import AppConfig

from core.encryption import configured_fernet


class CoreConfig(AppConfig):
    """Errors, realtime, ids, limits, markup, encryption."""

    name = "core"

    def ready(self) -> None:
        """Refuse to start with malformed keys rather than fail at the first field."""
        configured_fernet()
