"""Telephone numbers: by their form, by the numbering plans, and by the words beside them.

A number with ``+`` or a trunk zero that a numbering plan knows needs no word. Any other one is
taken only beside a word such as *call*, because most numbers in a shop's chat are orders'.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assistant.redaction import words
from assistant.redaction.numbering import (
    is_international,
    is_possible,
    is_valid,
    names_country,
    significant_digits,
)
from assistant.redaction.regions import all_regions, zeroless_regions
from core.cards import OTHER_NUMBERS

_SEPARATOR = r"(?: ?[-./] ?| ?\(|\) ?[-./]?| {1,2})"
_CANDIDATE = re.compile(
    rf"(?:(?<![\w@#+])(?<!\w[-./_=])|(?=\+))(?:\+ ?)?\(?\+?\d(?:{_SEPARATOR}?\d){{5,21}}"
    rf"(?!\w*@)(?:[ ,;.]{{0,2}}(?:{words.EXTENSIONS})[ .:]{{0,2}}\d{{1,6}})?(?![\d])",
    re.IGNORECASE,
)
_EXTENSION = re.compile(rf"[ ,;.]{{0,2}}(?:{words.EXTENSIONS})[ .:]{{0,2}}\d+\Z", re.IGNORECASE)
_NORTH_AMERICAN = re.compile(r"(?:\+?1[-. ])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])[2-9]\d\d[-.]\d{4}\Z")
_NORTH_AMERICAN_FORM = re.compile(r"(?:1[-. ]?)?\(?\d{3}\)?[-. ]?\d{3}[-. ]?\d{4}\Z")
_TRUNK = re.compile(r"\(?0[1-9]")
_NOT_A_PHONE = re.compile(
    r"(?:(?:19|20)\d\d([-./])(?:0?[1-9]|1[0-2])\1\d{1,2}(?:\b.*)?"  # 2024-05-12 10
    r"|(?:0?[1-9]|[12]\d|3[01])([-./ ])(?:0?[1-9]|1[0-2])\2(?:19|20)\d\d(?:\b.*)?"
    r"|(?:0?[1-9]|1[0-2])([-./])(?:0?[1-9]|[12]\d|3[01])\3(?:19|20)\d\d(?:\b.*)?"
    r"|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d"
    r"|[012]?\d\.\d\d ?- ?[012]?\d\.\d\d"
    r"|\d{1,3}(?:\.\d{3})+"
    r"|(?!\d{4}\.\d{4}\Z)\d+\.\d+|\d{1,3}(?:\.\d{1,3}){3}|\d{5}-\d{3,4})\Z"
)
_DATED = re.compile(r"20[0-4]\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_MONEY_BEFORE = re.compile(r"(?:[$€£¥₹₽]|\b(?:usd|eur|gbp|chf|rs\.?))\s?\Z", re.IGNORECASE)
_UNIT_BEHIND = re.compile(
    r"\s?(?:[$€£¥₹₽%]|(?:usd|eur|euros?|gbp|chf|dollars?|pounds?|won|yen|kr|zł|"
    r"units?|pieces|pcs|people|users|mb|gb|kg|km|mm|cm|x \d)\b)",
    re.IGNORECASE,
)
_WORD = re.compile(
    rf"(?<!\w)(?:(?P<other>{OTHER_NUMBERS})|(?P<phone>{words.PHONES})"
    rf"|(?P<label>{words.PHONE_LABELS})(?=\s?:))(?!\w)",
    re.IGNORECASE,
)
_NOTE = re.compile(rf"[ \t]?[-,(/:]{{0,2}}[ \t]?(?:{words.PHONE_NOTES})(?!\w)", re.IGNORECASE)
_WORD_REACH = 45
_SENTENCE_END = re.compile(r"(?:[!?;,\n]|(?<!nr)(?<!no)\.)\s", re.IGNORECASE)
# How far behind a telephone number a second one may stand: "... and mine 5550147".
_NEXT_REACH = 20
_FEWEST, _USUAL, _MOST = 7, 13, 15


@dataclass(frozen=True, slots=True)
class _Seen:
    """A text, where the last telephone number in it ended, and the language of its writer."""

    text: str
    last: int
    locale: str

    def hint_at(self, start: int) -> str:
        """Return ``phone`` just behind another one; what else is said of it goes before."""
        between = self.text[self.last : start] if start - self.last <= _NEXT_REACH else "."
        is_next = not any(map(str.isdigit, between)) and not _SENTENCE_END.search(between)
        return "phone" if is_next and "." not in between else ""


def find_phones(text: str, *, locale: str = "en") -> Iterator[tuple[int, int]]:
    """Yield where telephone numbers stand in a folded text, extensions included."""
    at, last = 0, -_NEXT_REACH - 1
    while match := _CANDIDATE.search(text, at):
        start, end = match.span()
        if match[0].startswith("(") and ")" not in match[0]:
            start += 1
        seen = _Seen(text, last, locale)
        found = _found_at(seen, start, end)
        if not found:
            # What stands first may be another number: "10427 0171 2345678".
            start = _second_group(text, start, end)
            found = _found_at(seen, start, end)
        at = end
        if found:
            at = last = start + found
            yield start, last


def split_phone(text: str) -> tuple[str, str]:
    """Return the significant digits of a telephone number and those of its extension."""
    number = _EXTENSION.sub("", text)
    extension = "".join(filter(str.isdigit, text[len(number) :]))
    return significant_digits(number), extension


def _second_group(text: str, start: int, end: int) -> int:
    gap = text.find(" ", start, end)
    return end if gap < 0 else gap + 1


def _found_at(seen: _Seen, start: int, end: int) -> int:
    """Return how many characters from ``start`` are a telephone number; 0 when none are."""
    text = seen.text
    candidate, before = text[start:end], text[max(0, start - _WORD_REACH) : start]
    number = _EXTENSION.sub("", candidate)
    digits = sum(map(str.isdigit, number))
    if digits < _FEWEST or _NOT_A_PHONE.match(number.replace(" / ", "/")):
        return 0
    if _is_amount(number, before=before, behind=text[end : end + 12]):
        return 0
    hint = _hint(before, text[end : end + 16]) or seen.hint_at(start)
    if hint == "other":
        # "Order 0171 2345678" is an order; "+49 171 2345678" is nobody's order.
        return len(candidate) if number.startswith("+") and is_international(number) else 0
    known = _known_length(number, locale=seen.locale, with_word=hint == "phone")
    is_whole = known == len(number) or (hint == "phone" and digits <= (_USUAL if known else _MOST))
    return len(candidate) if is_whole else known


def _hint(before: str, behind: str) -> str:
    """Return what the nearest word says: ``phone``, ``other`` or nothing."""
    if _NOTE.match(behind):
        return "phone"
    nearest = None
    for match in _WORD.finditer(before):
        nearest = match
    if nearest is None:
        return ""
    between = before[nearest.end() :]
    if any(map(str.isdigit, between)):
        return ""
    if nearest["other"]:
        return "" if _SENTENCE_END.search(between) else "other"
    return "phone"


def _is_amount(number: str, *, before: str, behind: str) -> bool:
    if number.isdigit() and before.endswith("-"):
        return True
    if number.startswith(("+", "0", "(")):
        return False
    return bool(_MONEY_BEFORE.search(before) or _UNIT_BEHIND.match(behind))


def _known_length(number: str, *, locale: str, with_word: bool) -> int:
    """Return the length of the longest run of whole groups that is a number somewhere."""
    if _NORTH_AMERICAN.match(number):
        return len(number)
    for end in _ends_of_groups(number):
        if _is_known(number[:end], locale=locale, with_word=with_word):
            return end
    # Numbers of ranges not given out yet, or kept for films, are written like all others.
    has_trunk = _TRUNK.match(number) and sum(map(str.isdigit, number)) >= 10
    return len(number) if has_trunk and is_possible(number, locale) else 0


def _is_known(number: str, *, locale: str, with_word: bool) -> bool:
    """Tell whether a numbering plan knows ``number`` and its form is a telephone's."""
    if names_country(number):
        return is_international(number)
    if with_word:
        return is_valid(number, all_regions(locale))
    if number.isdigit() and (len(number) < 9 or _DATED.match(number)):
        # Eight digits in a row are an order more often than a Dane's telephone.
        return False
    if number.startswith("(") or _TRUNK.match(number):
        return is_valid(number, all_regions(locale))
    form = _NORTH_AMERICAN_FORM.match(number)
    return is_valid(
        number, (one for one in zeroless_regions(locale) if form or one not in ("US", "CA"))
    )


def _ends_of_groups(number: str) -> list[int]:
    """Return the ends of the last three groups, the longest first: more is another number."""
    ends = [match.end() for match in re.finditer(r"\d+", number)]
    return ends[: -4 if len(ends) > 4 else None : -1]
