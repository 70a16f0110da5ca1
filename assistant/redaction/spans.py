"""Where personal data stands in a text."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal, get_args

from assistant.redaction.addresses import find_credentials, find_emails, find_ips
from assistant.redaction.identities import find_ibans, find_national_ids
from assistant.redaction.phones import find_phones
from assistant.redaction.site_rules import find_by_site
from core.cards import find_cards, find_security_codes
from core.folding import fold

SpanType = Literal[
    "ADDRESS", "CREDENTIALS", "EMAIL", "IBAN", "CARD", "CVV", "NATIONAL_ID", "IP", "PHONE"
]
SPAN_TYPES: tuple[SpanType, ...] = get_args(SpanType)
Finder = Callable[[str], Iterable[tuple[int, int]]]
Found = tuple[int, int, SpanType]
_SIX_DIGITS = re.compile(r"\d(?:\D{0,4}\d){5}")
_BLANK = "\x00"
# More than a prompt looks at.
KEPT_TEXTS = 1_024


@dataclass(frozen=True, slots=True)
class Span:
    """Personal data in ``text[start:end]``, in code points."""

    type: SpanType
    start: int
    end: int


def find_spans(text: str, *, locale: str = "en", patterns: Sequence[str] = ()) -> list[Span]:
    """Return the personal data in ``text`` in its order, without overlaps.

    ``patterns`` are the site's own regular expressions for addresses. The time is linear in
    the length of ``text``.
    """
    folded = fold(text)
    # Anew each time: a pattern that took too long was left out.
    own = _apart(find_by_site(folded.text, patterns))
    rest = _kept(_blanked(folded.text, own), locale)
    found: list[Found] = [(start, end, "ADDRESS") for start, end in own]
    found = sorted([*found, *rest])
    return [Span(kind, *folded.original(start, end)) for start, end, kind in found]


# Each turn looks once more through all that was said before it.
@lru_cache(maxsize=KEPT_TEXTS)
def _kept(text: str, locale: str) -> tuple[Found, ...]:
    return tuple(_find(text, _finders(text, locale=locale)))


def _finders(text: str, *, locale: str) -> Iterator[tuple[SpanType, Finder]]:
    """Yield who looks, the surest first: what one has found the next no longer sees."""
    yield "CREDENTIALS", find_credentials
    yield "EMAIL", find_emails
    yield "CVV", find_security_codes
    if _SIX_DIGITS.search(text):
        yield "IBAN", find_ibans
        yield "CARD", find_cards
        yield "NATIONAL_ID", find_national_ids
        yield "IP", find_ips
        yield "PHONE", partial(find_phones, locale=locale)
    elif ":" in text:
        yield "IP", find_ips


def _find(text: str, finders: Iterable[tuple[SpanType, Finder]]) -> Iterator[Found]:
    for kind, find in finders:
        spans = _apart(find(text))
        for start, end in spans:
            yield start, end, kind
        text = _blanked(text, spans)


def _apart(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ``spans`` in order, those that overlap as one."""
    apart: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    pieces, behind = [], 0
    for start, end in spans:
        pieces += [text[behind:start], _BLANK * (end - start)]
        behind = end
    return "".join([*pieces, text[behind:]])
