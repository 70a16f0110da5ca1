"""Checks on a finished answer, before it becomes a message: pure rules."""

import re
from collections.abc import Sequence

from llm.types import SourcePassage

MIN_GROUNDED = 0.5
WORD = re.compile(r"\w+")


def _content_words(text: str) -> set[str]:
    """Words of four characters and more, by their first six: close enough to a stem."""
    return {word[:6] for word in WORD.findall(text.casefold()) if len(word) > 3 or word.isdigit()}


def groundedness(
    answer: str, *, passages: Sequence[SourcePassage], said: Sequence[str] = ()
) -> float:
    """Return the share (0..1) of the answer's content words that its sources hold.

    Lexical on purpose: no further model call in a turn. A number that no source holds makes
    the whole answer ungrounded: amounts and dates are what may never be invented. ``said`` is
    what tools returned and the company said before, never the customer's own words: with
    those, whoever asks would decide what is true.
    """
    words = _content_words(answer)
    if not words:
        return 0.0
    source = " ".join(f"{one.title} {one.heading} {one.text}" for one in passages)
    source = " ".join([source, *said])
    known = _content_words(source)
    numbers = {word for word in WORD.findall(answer) if word.isdigit() and len(word) > 1}
    if numbers - set(WORD.findall(source)):
        return 0.0
    return len(words & known) / len(words)


def cited_passages(
    answer: str, *, marks: Sequence[int], passages: Sequence[SourcePassage]
) -> list[SourcePassage]:
    """Return the passages that an answer cites by number, or else shares most words with.

    A number that was not offered is dropped.
    """
    by_mark = [passages[number - 1] for number in marks if 1 <= number <= len(passages)]
    if by_mark:
        return list(dict.fromkeys(by_mark))
    words = _content_words(answer)
    shares = [(len(words & _content_words(one.text)), one) for one in passages]
    best = max((share for share, _ in shares), default=0)
    return [one for share, one in shares if best and share == best][:1]


def quote_of(passage: SourcePassage, *, limit: int = 240) -> str:
    """Return the beginning of a passage as plain text, cut at a word."""
    text = " ".join(re.sub(r"[|#*_`>-]+", " ", passage.text).split())
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " …"
