"""Registers the package with Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People and roles."""

    name = "accounts"
    verbose_name = "People and roles"
