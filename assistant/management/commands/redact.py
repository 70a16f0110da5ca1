"""``manage.py redact``: what the assistant's model would see of a text."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assistant.redaction import Redactor, check_patterns, find_spans
from core.errors import BadInput


class Command(BaseCommand):
    """Reads standard input; needs no database."""

    help = (
        "Replace personal data in standard input by placeholders; with --json, each line is "
        '{"text": ...} and gives {"text": ..., "spans": [{"type", "start", "end"}]}, where the '
        "spans are code points of the text that was given."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--json", action="store_true", help="JSON lines in and out")
        parser.add_argument("--locale", default="en", help="language of the texts, as de or pt-BR")
        parser.add_argument(
            "--pattern", action="append", default=[], help="a site's own pattern for addresses"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Redact what was piped in; one bad line does not stop the others."""
        locale, patterns = options["locale"], options["pattern"]
        try:
            check_patterns(patterns)
        except BadInput as error:
            raise CommandError(error.detail) from error
        if not options["json"]:
            redactor = Redactor(locale=locale, patterns=patterns)
            text = sys.stdin.buffer.read().decode("utf-8", "replace")
            self.stdout.write(redactor.redact(text), ending="")
            return
        bad = self._redact_lines(sys.stdin.buffer, locale=locale, patterns=patterns)
        if bad:
            raise CommandError(f"{bad} line(s) could not be read")

    def _redact_lines(self, lines: Iterable[bytes], *, locale: str, patterns: list[str]) -> int:
        """Write a line for each that can be read; return how many can't."""
        bad = 0
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                text = _text_of(line)
            except BadInput as error:
                self.stderr.write(f"line {number}: {error.detail}")
                bad += 1
                continue
            # Placeholders are numbered anew: each line is a text of its own.
            redacted = Redactor(locale=locale, patterns=patterns).redact(text)
            spans = [
                {"type": span.type, "start": span.start, "end": span.end}
                for span in find_spans(text, locale=locale, patterns=patterns)
            ]
            self.stdout.write(json.dumps({"text": redacted, "spans": spans}))
        return bad


def _text_of(line: bytes) -> str:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"this is no JSON: {error}") from error
    text = row.get("text") if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise BadInput('this is no object with a "text"')
    return text
