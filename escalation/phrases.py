"""Finds phrases in texts: whole words in any case, ``*`` for the rest of a word."""

import re
from collections.abc import Iterable
from functools import lru_cache


def find_phrase(text: str, *, phrases: Iterable[str]) -> str | None:
    """Return the first of ``phrases`` that stands in ``text``; apostrophes don't count."""
    # With or without: people leave their apostrophes out.
    folded = text.casefold().replace("\u2019", "").replace("'", "")
    every = tuple(phrases)
    if not every or not _any_of(every).search(folded):
        return None
    return next((phrase for phrase in every if _pattern(phrase).search(folded)), None)


def has_word(phrase: str) -> bool:
    """Say whether ``phrase`` has at least two letters or digits: fewer stand in every text."""
    return sum(map(str.isalnum, phrase)) > 1


@lru_cache(maxsize=1024)
def _any_of(phrases: tuple[str, ...]) -> re.Pattern[str]:
    """Return what finds any of the phrases: mostly none is there, which one search tells."""
    return re.compile("|".join(map(_expression, phrases)))


@lru_cache(maxsize=4096)
def _pattern(phrase: str) -> re.Pattern[str]:
    return re.compile(_expression(phrase))


def _expression(phrase: str) -> str:
    plain = phrase.casefold().replace("'", "")
    words = (re.escape(word).replace(r"\*", r"\w*") for word in plain.split())
    return r"(?<!\w)" + r"\W+".join(words) + r"(?!\w)"
