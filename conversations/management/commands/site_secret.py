"""``manage.py site_secret KEY``: the secret that signs customers' identity."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from conversations.models import Site


class Command(BaseCommand):
    """Prints a site's secret; the admin never shows it."""

    help = "Print the secret with which a site signs its customers' identity."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the site's public key."""
        parser.add_argument("key")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the secret, or say that there is no such site."""
        site = Site.objects.filter(key=options["key"]).first()
        if site is None:
            raise CommandError(f"There is no site {options['key']!r}.")
        self.stdout.write(site.secret)
