"""Registers the package and keeps the roles after each migration."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _ensure_roles(**_: Any) -> None:
    from accounts.roles import ensure_roles

    ensure_roles()


class AccountsConfig(AppConfig):
    """People and roles."""

    name = "accounts"
    verbose_name = "People and roles"

    def ready(self) -> None:
        """Roles need the permissions that Django itself makes after migrating."""
        post_migrate.connect(_ensure_roles, dispatch_uid="accounts.roles")
