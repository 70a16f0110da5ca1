"""``manage.py bench_redaction``: how much personal data is found, by type."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from assistant.benchmark.personal_data import (
    PRECISION,
    RECALL,
    TARGETS,
    as_json,
    as_table,
    measure,
    read_labelled,
)
from assistant.benchmark.report import describe_machine
from core.errors import BadInput

PAGE: Path = settings.BASE_DIR / "docs" / "benchmarks" / "redaction.md"


class Command(BaseCommand):
    """Needs no database; the exit status says whether the targets are met."""

    help = "Measure recall and precision of redaction on pii_spans.json in a folder."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--data", type=Path, required=True, help="folder of pii_spans.json")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--write", action="store_true", help="write docs/benchmarks/")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure, print, and fail when a type is below its targets."""
        try:
            measured = measure(read_labelled(options["data"]))
        except BadInput as error:
            raise CommandError(error.detail) from error
        table = as_table(measured)
        if options["write"]:
            PAGE.write_text(_page(table), encoding="utf-8")
        self.stdout.write(as_json(measured) if options["json"] else table)
        below = [one.type for one in measured.types if one.type in TARGETS and not one.is_on_target]
        if below:
            raise CommandError(f"below the targets: {', '.join(below)}")


def _page(table: str) -> str:
    machine = describe_machine()
    return (
        "# Finding personal data\n\n"
        "Written by `make bench-redaction` on `pii_spans.json`: the "
        "750 synthetic texts of microsoft/presidio-research (MIT). Names, places, dates and job "
        "titles that it marks too are not looked for.\n\n"
        f"Commit {machine['commit'][:12]}, Python {machine['python']}, {machine['machine']}.\n\n"
        f"{table}\n"
        "A span is found only with its exact start and end; any other span that is reported is "
        f"wrong. Targets: recall of {RECALL:.0%} or more, precision of {PRECISION:.0%} or more, "
        f"for {', '.join(TARGETS)}. NATIONAL_ID holds the corpus's US social security and "
        "driver's licence numbers and has no target.\n\n"
        "The corpus is small and from one generator, and the words beside its telephone numbers "
        "were looked at while the rules were written: expect "
        "more mistakes elsewhere. `tests/assistant/redaction_rows.py` holds rows of our own, from "
        "more countries and with more that only looks like personal data.\n"
    )
