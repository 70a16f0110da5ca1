"""A site's own patterns, for what no general rule knows: its customers' street addresses."""

import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex

from core.errors import BadInput

logger = logging.getLogger(__name__)
# Managers write them: one that backtracks for ever must not hold a worker.
SECONDS = 0.05
TRIAL_TEXTS = ("a" * 500 + "!", "1" * 500 + "!", "a1 " * 170 + "!", " " * 500 + "!")


def check_patterns(patterns: Sequence[str]) -> None:
    """Raise ``BadInput`` that names the first pattern that is none, or that takes too long."""
    for pattern in patterns:
        try:
            _compiled(pattern)
        except regex.error as error:
            raise BadInput(f"{pattern!r} is no regular expression: {error}") from error
        _check_speed(pattern)


def _check_speed(pattern: str) -> None:
    """Try a pattern on texts that make careless ones backtrack."""
    for text in TRIAL_TEXTS:
        try:
            list(_compiled(pattern).finditer(text, timeout=SECONDS))
        except TimeoutError as error:
            raise BadInput(f"{pattern!r} takes too long on some texts") from error


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
