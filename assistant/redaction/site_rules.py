"""A site's own patterns, for what no general rule knows: its customers' street addresses."""

import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex

from core.errors import BadInput

logger = logging.getLogger(__name__)
# Managers write them: one that backtracks for ever must not hold a worker.
SECONDS = 0.05


def check_patterns(patterns: Sequence[str]) -> None:
    """Raise ``BadInput`` that names the first pattern that is no regular expression."""
    for pattern in patterns:
        try:
            _compiled(pattern)
        except regex.error as error:
            raise BadInput(f"{pattern!r} is no regular expression: {error}") from error


def find_by_site(text: str, patterns: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where ``patterns`` match; one that takes too long or is malformed is left out."""
    for number, pattern in enumerate(patterns, start=1):
        try:
            matches = list(_compiled(pattern).finditer(text, timeout=SECONDS))
        except (TimeoutError, regex.error) as error:
            logger.warning("redaction pattern %d was left out: %s", number, type(error).__name__)
            continue
        yield from (match.span() for match in matches if match[0].strip())


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> "regex.Pattern[str]":
    return regex.compile(pattern, regex.IGNORECASE | regex.MULTILINE)
