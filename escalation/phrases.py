"""Finds phrases in texts: whole words in any case, ``*`` for the rest of a word."""

import re
from collections.abc import Iterable
from functools import lru_cache


def find_phrase(text: str, *, phrases: Iterable[str]) -> str | None:
    """Return the first of ``phrases`` that stands in ``text``; apostrophes don't count."""
    # With or without: people leave their apostrophes out.
    folded = text.casefold().replace("\u2019", "").replace("'", "")
    return next((phrase for phrase in phrases if _pattern(phrase).search(folded)), None)


def has_word(phrase: str) -> bool:
    """Say whether ``phrase`` has at least two letters or digits: fewer stand in every text."""
    return sum(map(str.isalnum, phrase)) > 1


@lru_cache(maxsize=4096)
def _pattern(phrase: str) -> re.Pattern[str]:
    plain = phrase.casefold().replace("'", "")
    words = (re.escape(word).replace(r"\*", r"\w*") for word in plain.split())
    return re.compile(r"(?<!\w)" + r"\W+".join(words) + r"(?!\w)")
