"""Telephone numbers: by their form, by the numbering plans, and by the words beside them.

A number with ``+`` or a trunk zero that a numbering plan knows needs no word. Any other one is
taken only beside a word such as *call*, because most numbers in a shop's chat are orders'.
"""

import re
from collections.abc import Iterator

import phonenumbers

from assistant.redaction import words
from assistant.redaction.regions import all_regions, home_regions, zeroless_regions

_SEPARATOR = r"(?: ?[-.] ?|/| ?\(|\) ?[-/]?| {1,2})"
_CANDIDATE = re.compile(
    rf"(?<![\w@#])(?<![\w][-./_=])(?:\+ ?)?\(?\+?\d(?:{_SEPARATOR}?\d){{5,21}}"
    rf"(?!\w*@)(?:[ ,;.]{{0,2}}(?:{words.EXTENSIONS})[ .:]{{0,2}}\d{{1,6}})?(?![\d])",
    re.IGNORECASE,
)
_EXTENSION = re.compile(rf"[ ,;.]{{0,2}}(?:{words.EXTENSIONS})[ .:]{{0,2}}\d+\Z", re.IGNORECASE)
_NORTH_AMERICAN = re.compile(r"(?:\+?1[-. ])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])[2-9]\d\d[-.]\d{4}\Z")
_ABROAD = re.compile(r"(?:00|011)(?=[ (-]?[1-9])")
_TRUNK = re.compile(r"\(?0[1-9]")
_NOT_A_PHONE = re.compile(
    r"(?:(?:19|20)\d\d([-./])(?:0?[1-9]|1[0-2])\1\d{1,2}(?:\b.*)?"  # 2024-05-12 10
    r"|(?:0?[1-9]|[12]\d|3[01])([-./ ])(?:0?[1-9]|1[0-2])\2(?:19|20)\d\d(?:\b.*)?"
    r"|(?:0?[1-9]|1[0-2])([-./])(?:0?[1-9]|[12]\d|3[01])\3(?:19|20)\d\d(?:\b.*)?"
    r"|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d"
    r"|[012]?\d\.\d\d ?- ?[012]?\d\.\d\d"
    r"|\d{1,3}(?:\.\d{3})+"
    r"|\d+\.\d+|\d{1,3}(?:\.\d{1,3}){3}|\d{5}-\d{4})\Z"
)
_MONEY_BEFORE = re.compile(r"(?:[$€£¥₹₽]|\b(?:usd|eur|gbp|chf|rs\.?))\s?\Z", re.IGNORECASE)
_UNIT_BEHIND = re.compile(
    r"\s?(?:[$€£¥₹₽%]|(?:usd|eur|euros?|gbp|chf|dollars?|pounds?|won|yen|kr|zł|"
    r"units?|pieces|pcs|people|users|mb|gb|kg|km|mm|cm|x \d)\b)",
    re.IGNORECASE,
)
_WORD = re.compile(
    rf"(?<!\w)(?:(?P<other>{words.OTHER_NUMBERS})|(?P<phone>{words.PHONES})"
    rf"|(?P<label>{words.PHONE_LABELS})(?=\s?:))(?!\w)",
    re.IGNORECASE,
)
_NOTE = re.compile(rf"[ \t]?[-,(/:]{{0,2}}[ \t]?(?:{words.PHONE_NOTES})(?!\w)", re.IGNORECASE)
_WORD_REACH = 45
_FEWEST, _MOST = 7, 15


def find_phones(text: str, *, locale: str = "en") -> Iterator[tuple[int, int]]:
    """Yield where telephone numbers stand in a folded text, extensions included."""
    for match in _CANDIDATE.finditer(text):
        start, end = match.span()
        if match[0].startswith("(") and ")" not in match[0]:
            start += 1
        before, behind = text[max(0, start - _WORD_REACH) : start], text[end : end + 16]
        found = _length_of_phone(text[start:end], before=before, behind=behind, locale=locale)
        if found:
            yield start, start + found


def normalise_phone(text: str, *, locale: str = "en") -> str:
    """Return a number as E.164, or its digits where no numbering plan knows it.

    An extension stays behind an ``x``: it is somebody else's telephone.
    """
    number = _EXTENSION.sub("", text)
    extension = "".join(filter(str.isdigit, text[len(number) :]))
    parsed = _parse_valid(number, all_regions(locale)) or _parse_possible(number, locale)
    if parsed is None:
        plain = "".join(filter(str.isdigit, number))
    else:
        plain = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return f"{plain}x{extension}" if extension else plain


def _length_of_phone(candidate: str, *, before: str, behind: str, locale: str) -> int:
    """Return how much of ``candidate`` is a telephone number; 0 when nothing is."""
    number = _EXTENSION.sub("", candidate)
    hint = _hint(before, behind)
    if _NOT_A_PHONE.match(number) or _is_amount(number, before=before, behind=behind):
        return 0
    if hint == "other":
        # "Order 0171 2345678" is an order; "+49 171 2345678" is nobody's order.
        return len(candidate) if number.startswith("+") and _valid(number, ()) else 0
    if known := _known_length(number, locale=locale, with_word=hint == "phone"):
        return len(candidate) if known == len(number) else known
    digits = sum(map(str.isdigit, number))
    return len(candidate) if hint == "phone" and _FEWEST <= digits <= _MOST else 0


def _hint(before: str, behind: str) -> str:
    """Return what the nearest word says: ``phone``, ``other`` or nothing."""
    if _NOTE.match(behind):
        return "phone"
    nearest = None
    for match in _WORD.finditer(before):
        nearest = match
    if nearest is None or any(map(str.isdigit, before[nearest.end() :])):
        return ""
    return "other" if nearest["other"] else "phone"


def _is_amount(number: str, *, before: str, behind: str) -> bool:
    if number.startswith(("+", "0", "(")):
        return False
    return bool(_MONEY_BEFORE.search(before) or _UNIT_BEHIND.match(behind))


def _known_length(number: str, *, locale: str, with_word: bool) -> int:
    """Return the length of the longest run of whole groups that is a number somewhere."""
    if _NORTH_AMERICAN.match(number):
        return len(number)
    regions = _regions_for(number, locale=locale, with_word=with_word)
    if regions is None:
        return 0
    for end in _ends_of_groups(number):
        if _valid(number[:end], regions):
            return end
    # Numbers of ranges not given out yet, or kept for films, are written like all others.
    is_like_home = _TRUNK.match(number) and _parse_possible(number, locale)
    return len(number) if is_like_home and sum(map(str.isdigit, number)) >= 10 else 0


def _regions_for(number: str, *, locale: str, with_word: bool) -> tuple[str, ...] | None:
    """Return where to look ``number`` up; None when its form alone says too little."""
    if number.startswith(("+", "(+")) or _ABROAD.match(number):
        return ()
    if _TRUNK.match(number) or with_word:
        return all_regions(locale)
    # Eight digits in a row are an order more often than a Dane's telephone.
    return None if number.isdigit() and len(number) < 9 else zeroless_regions(locale)


def _ends_of_groups(number: str) -> list[int]:
    """Return the ends of the last three groups, the longest first: more is another number."""
    ends = [match.end() for match in re.finditer(r"\d+", number)]
    return ends[: -4 if len(ends) > 4 else None : -1]


def _valid(number: str, regions: tuple[str, ...]) -> bool:
    return _parse_valid(number, regions) is not None


def _parse_valid(number: str, regions: tuple[str, ...]) -> phonenumbers.PhoneNumber | None:
    abroad = _ABROAD.sub("+", number, count=1) if _ABROAD.match(number) else number
    if abroad.lstrip("(").startswith("+"):
        parsed = _parse(abroad, None)
        return parsed if parsed and phonenumbers.is_possible_number(parsed) else None
    for region in regions:
        parsed = _parse(number, region)
        if parsed and phonenumbers.is_valid_number_for_region(parsed, region):
            return parsed
    return None


def _parse_possible(number: str, locale: str) -> phonenumbers.PhoneNumber | None:
    for region in home_regions(locale):
        parsed = _parse(number, region)
        if parsed and phonenumbers.is_possible_number(parsed):
            return parsed
    return None


def _parse(number: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
