"""The admin site: plain Django, with the product's name."""

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig


class SupportAdminSite(AdminSite):
    """The agents' and managers' entrance."""

    site_header = "supportbot"
    site_title = "supportbot"
    index_title = "Support desk"
    enable_nav_sidebar = False


class SupportAdminConfig(AdminConfig):
    """Installs the site above as ``django.contrib.admin.site``."""

    default_site = "supportbot.admin_site.SupportAdminSite"
