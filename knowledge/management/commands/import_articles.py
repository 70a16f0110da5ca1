"""``manage.py import_articles SITE PATH_OR_URL``: folders, files, websites become articles."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from conversations.models import Site
from core.errors import SupportError
from core.fetching import parse_url
from knowledge.import_runs import run_import
from knowledge.importing import ImportResult
from knowledge.imports import end_lapsed_runs, open_run, set_recrawl
from knowledge.models import Audience, Source

SCHEMES = ("http://", "https://")


class Command(BaseCommand):
    """Imports again what changed; ends with status 1 where something was refused."""

    help = (
        "Import Markdown, HTML, PDF, DOCX and CSV files, a web page, or (an address that ends "
        "in / or names a sitemap) the pages of a website, as articles of SITE."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("site", help="the site's key")
        parser.add_argument("place", metavar="path_or_url", help="a folder, a file or an address")
        parser.add_argument(
            "--now", action="store_true", help="index the words here; the workers add the vectors"
        )
        parser.add_argument("--locale", default="", help="of files that name none")
        parser.add_argument("--audience", choices=Audience.values, default=None)
        parser.add_argument(
            "--recrawl-hours", type=int, help="read the website again each so many hours, 0: never"
        )

    def handle(self, *args: Any, site: str, place: str, now: bool, **options: Any) -> None:
        """Import, and say what became of the files or pages."""
        found = Site.objects.filter(key=site).first()
        if found is None:
            raise CommandError(f"there is no site {site!r}")
        try:
            source = self._source(found, place=place, options=options)
            end_lapsed_runs()
            result = run_import(open_run(source).pk, now=now)
        except SupportError as error:
            raise CommandError(error.detail) from error
        if result is None:
            raise CommandError("another process does this import by now")
        self._report(result)

    def _source(self, site: Site, *, place: str, options: dict[str, Any]) -> Source:
        """Return the source of a place, with what this call says about it."""
        kind, location = _kind_of(place)
        hours = options["recrawl_hours"]
        if hours is not None and (kind != Source.Kind.WEBSITE or hours < 0):
            raise CommandError("--recrawl-hours is for websites, and 0 or more")
        source, _ = Source.objects.get_or_create(site=site, kind=kind, location=location)
        source.locale = options["locale"] or source.locale
        source.audience = options["audience"] or source.audience
        source.save(update_fields=["locale", "audience"])
        if hours is not None:
            set_recrawl(source, hours=hours or None)
        return source

    def _report(self, result: ImportResult) -> None:
        self.stdout.write(
            f"{len(result.created)} created, {len(result.changed)} changed, "
            f"{len(result.unchanged)} unchanged, {len(result.unpublished)} unpublished"
        )
        for name, why in result.errors.items():
            self.stderr.write(f"{name}: {why}" if name else why)
        if result.errors:
            raise CommandError(f"{len(result.errors)} errors")


def _kind_of(place: str) -> tuple[str, str]:
    """Return a place's kind, and how it is known: as the same each time."""
    if place.casefold().startswith(SCHEMES):
        return Source.Kind.WEBSITE, str(parse_url(place))
    path = Path(place).resolve()
    if not path.exists():
        raise CommandError(f"{place} is neither a folder nor a file")
    return Source.Kind.FOLDER, str(path)
