"""``manage.py load_demo``: fills the demo; safe to run at each start."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from escalation.defaults import ensure_rules
from supportbot.demo_data.chats import ensure_chats
from supportbot.demo_data.help_articles import ensure_articles
from supportbot.demo_data.people import ensure_people
from supportbot.demo_data.shop import ensure_site
from supportbot.demo_data.topics import list_topics


class Command(BaseCommand):
    """Makes what is missing of the demo's site, people, rules, articles and sample chats."""

    help = "Load the demo: log-ins with known passwords, a shop, its articles, sample chats."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--force-in-tests", action="store_true", help="Load without DEMO while testing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Load everything; raise CommandError outside the demo."""
        if not settings.DEMO and not (settings.TESTING and options["force_in_tests"]):
            raise CommandError("The demo's passwords are known: it loads only with DEMO=1.")
        site = ensure_site(settings.PUBLIC_URL)
        agents = ensure_people()
        ensure_rules()
        ensure_articles(site)
        topics = list_topics(site, public_url=settings.PUBLIC_URL)
        ensure_chats(site, topics=topics, agents=agents, now=timezone.now())
