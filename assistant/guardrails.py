"""Checks on an answer's words against its sources: pure rules, without a model."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from llm.types import SourcePassage

MIN_GROUNDED = 0.5
WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+(?:[.,:/\u00a0\u202f' -]\d+)*")
_DIGITS = re.compile(r"\d+")
_NUMBERING = re.compile(r"^[^\S\n]*+[^\w\s]{0,8}[^\S\n]*+\d{1,3}[.)](?=\s)", re.MULTILINE)


@dataclass(frozen=True)
class Sources:
    """What an answer may say: the passages, what tools returned, what the company said.

    Never the customer's own words: with those, whoever asks would decide what is true.
    """

    passages: Sequence[SourcePassage]
    said: Sequence[str] = ()

    @cached_property
    def text(self) -> str:
        """All of it as one text."""
        passages = (f"{one.title} {one.heading} {one.text} {one.url}" for one in self.passages)
        return "\n".join([*passages, *self.said])

    @cached_property
    def words(self) -> frozenset[str]:
        """Its content words."""
        return frozenset(content_words(self.text))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Its numbers, whole and by their parts."""
        whole = set(_DIGITS.findall(self.text))
        return frozenset(whole | {_joined(match[0]) for match in _NUMBER.finditer(self.text)})

    @cached_property
    def signs(self) -> str:
        """Its letters and digits alone, to find a number however it is grouped."""
        return signs_of(self.text)

    def share_of(self, words: Iterable[str]) -> float:
        """Return the share (0..1) of ``words`` that stand in it; of no words, 1."""
        wanted = set(words)
        return len(wanted & self.words) / len(wanted) if wanted else 1.0

    def holds_numbers_of(self, text: str) -> bool:
        """Whether it has all numbers of two digits and more: those may never be invented."""
        return all(
            _joined(match[0]) in self.numbers or self._holds_parts(match[0])
            for match in _NUMBER.finditer(_NUMBERING.sub("", text))
        )

    def _holds_parts(self, number: str) -> bool:
        parts = {part for part in _DIGITS.findall(number) if len(part) > 1 and part.strip("0")}
        return parts <= self.numbers


def content_words(text: str) -> set[str]:
    """Words of four characters and more, by their first six: close enough to a stem."""
    return {word[:6] for word in WORD.findall(text.casefold()) if len(word) > 3 or word.isdigit()}


def signs_of(text: str) -> str:
    """Return a text's letters and digits, without case."""
    return "".join(filter(str.isalnum, text.casefold()))


def _joined(number: str) -> str:
    return "".join(_DIGITS.findall(number))


def groundedness(
    answer: str, *, passages: Sequence[SourcePassage], said: Sequence[str] = ()
) -> float:
    """Return the share (0..1) of the answer's content words that its sources hold.

    Lexical on purpose: no further model call in a turn. A number that no source holds makes
    the whole answer ungrounded: amounts and dates are what may never be invented. ``said`` is
    what tools returned and the company said before, never the customer's own words.
    """
    return groundedness_in(answer, sources=Sources(passages, said))


def groundedness_in(answer: str, *, sources: Sources) -> float:
    """Return the same by sources that are read already."""
    words = content_words(_NUMBERING.sub("", answer))
    if not words or not sources.holds_numbers_of(answer):
        return 0.0
    return sources.share_of(words)


def cited_passages(
    answer: str, *, marks: Sequence[int], passages: Sequence[SourcePassage]
) -> list[SourcePassage]:
    """Return the passages that an answer cites by number, or else shares most words with.

    A number that was not offered is dropped.
    """
    by_mark = [passages[number - 1] for number in marks if 1 <= number <= len(passages)]
    if by_mark:
        return list(dict.fromkeys(by_mark))
    words = content_words(answer)
    shares = [(len(words & content_words(one.text)), one) for one in passages]
    best = max((share for share, _ in shares), default=0)
    return [one for share, one in shares if best and share == best][:1]


# Markdown's signs that a plain text is read without: of headings, quotations and lists, a
# table's rule, and those around words. A hyphen within a line is a hyphen.
_LINE_SIGNS = re.compile(
    r"^[ \t]*(?:(?:#{1,6}|[-*+])(?=[ \t])|>|\|?[ \t]*:?--[-:| \t]*$)", re.MULTILINE
)
_EMPHASIS = re.compile(r"(?<![\w*])([*_]{1,3}|`+)(?=\S)([^\n]+?)(?<=\S)\1(?!\w)")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\s]*\)")


def quote_of(passage: SourcePassage, *, limit: int = 240) -> str:
    """Return the beginning of a passage as plain text, cut at a word."""
    text = _LINK.sub(r"\1", _LINE_SIGNS.sub("", passage.text))
    text = _EMPHASIS.sub(r"\2", text)
    text = " ".join(text.replace("|", " ").split())
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0] + " …"
