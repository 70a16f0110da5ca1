"""``manage.py import_articles SITE PATH [--now]``: a folder of Markdown becomes articles."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from conversations.models import Site
from knowledge.importing import ImportResult, import_markdown_folder


class Command(BaseCommand):
    """Imports again what changed; ends with status 1 where a file was refused."""

    help = "Import every *.md file below PATH as an article of SITE."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("site", help="the site's key")
        parser.add_argument("path", type=Path, help="the folder")
        parser.add_argument("--now", action="store_true", help="index here, not by the workers")

    def handle(self, *args: Any, site: str, path: Path, now: bool, **options: Any) -> None:
        """Import, and say what became of the files."""
        found = Site.objects.filter(key=site).first()
        if found is None:
            raise CommandError(f"there is no site {site!r}")
        if not path.is_dir():
            raise CommandError(f"{path} is not a folder")
        result = import_markdown_folder(found, path=path, now=now)
        self._report(result)

    def _report(self, result: ImportResult) -> None:
        self.stdout.write(
            f"{len(result.created)} created, {len(result.changed)} changed, "
            f"{len(result.unchanged)} unchanged"
        )
        for name, why in result.errors.items():
            self.stderr.write(f"{name}: {why}")
        if result.errors:
            raise CommandError(f"{len(result.errors)} files were refused")
