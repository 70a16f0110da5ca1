"""Stable placeholders for personal data, and their replacement in what comes back."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from assistant.redaction.phones import split_phone
from assistant.redaction.spans import SPAN_TYPES, SpanType, find_spans
from core.folding import fold

# Stands for what already looks like a placeholder in somebody's own words.
_LITERAL = "TEXT"
_NAMES = "|".join((*SPAN_TYPES, _LITERAL))
PLACEHOLDER = re.compile(rf"<(?:{_NAMES})_[0-9]{{1,5}}>")
_BEGINNINGS = "|".join(
    sorted({name[:length] for name in (*SPAN_TYPES, _LITERAL) for length in range(1, len(name))})
)
_UNFINISHED = re.compile(rf"<(?:(?:{_BEGINNINGS})|(?:{_NAMES})(?:_[0-9]{{0,5}})?)?\Z")
_SHORTEST_PHONE = 7
_LONGEST = max(map(len, (*SPAN_TYPES, _LITERAL))) + len("<_12345>")


class Redactor:
    """The placeholders of one conversation, numbered in the order of first appearance.

    Redacting the same texts in the same order gives the same placeholders, so a turn rebuilds
    it from the messages and nothing has to be kept.
    """

    def __init__(self, *, locale: str = "en", patterns: Sequence[str] = ()) -> None:
        """``patterns`` are the site's own regular expressions for addresses."""
        self._locale = locale
        self._patterns = tuple(patterns)
        self._placeholders: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._counts: Counter[str] = Counter()
        self._phones: dict[str, list[str]] = {}

    @property
    def known(self) -> frozenset[str]:
        """The personal data seen so far, as first written."""
        return frozenset(
            value for name, value in self._values.items() if not name.startswith(f"<{_LITERAL}_")
        )

    @property
    def counts(self) -> dict[str, int]:
        """How many different values of each type were seen."""
        return {kind: count for kind, count in self._counts.items() if kind != _LITERAL}

    def redact(self, text: str) -> str:
        """Return ``text`` with placeholders for personal data; ``restore`` undoes it."""
        pieces, behind = [], 0
        for start, end, kind in self._marked(text):
            pieces += [text[behind:start], self._placeholder(kind, text[start:end])]
            behind = end
        return "".join([*pieces, text[behind:]])

    def restore(self, text: str) -> str:
        """Return ``text`` with the values back; a placeholder that nobody was given stays."""
        return PLACEHOLDER.sub(lambda match: self._values.get(match[0], match[0]), text)

    def restore_value(self, value: Any) -> Any:
        """Return JSON ``value`` with each text in it restored, as arguments of tools need it."""
        return _mapped(value, self.restore)

    def _marked(self, text: str) -> Iterator[tuple[int, int, str]]:
        spans = find_spans(text, locale=self._locale, patterns=self._patterns)
        marked: list[tuple[int, int, str]] = [(one.start, one.end, one.type) for one in spans]
        if "<" in text:
            folded = fold(text)
            marked += [
                (*folded.original(*match.span()), _LITERAL)
                for match in PLACEHOLDER.finditer(folded.text)
            ]
        behind = 0
        for start, end, kind in sorted(marked):
            # A site's pattern may reach into a literal: the first one wins.
            if start >= behind:
                yield start, end, kind
                behind = end

    def _placeholder(self, kind: str, value: str) -> str:
        key = (kind, self._normalised(kind, value))
        if key not in self._placeholders:
            self._counts[kind] += 1
            placeholder = f"<{kind}_{self._counts[kind]}>"
            self._placeholders[key] = placeholder
            self._values[placeholder] = value
        return self._placeholders[key]

    def _normalised(self, kind: SpanType | str, value: str) -> str:
        folded = fold(value).text
        if kind in (_LITERAL, "CREDENTIALS"):
            return value
        if kind == "PHONE":
            return self._known_phone(folded)
        if kind in ("CARD", "CVV", "IBAN", "NATIONAL_ID"):
            return "".join(filter(str.isalnum, folded)).upper()
        return " ".join(folded.casefold().split())

    def _known_phone(self, value: str) -> str:
        """Return a telephone number as it was first known: with its country, or without."""
        digits, extension = split_phone(value)
        alike = self._phones.setdefault(digits[-_SHORTEST_PHONE:], [])
        for known in alike:
            if known.endswith(digits) or digits.endswith(known):
                return f"{known}x{extension}"
        alike.append(digits)
        return f"{digits}x{extension}"


class StreamRestorer:
    """Restores placeholders in a text that arrives in pieces, wherever it is cut."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def feed(self, piece: str) -> str:
        """Return what may be shown by now; holds back less than one placeholder."""
        text = self._held + piece
        tail = _UNFINISHED.search(text, max(0, len(text) - _LONGEST))
        shown = tail.start() if tail else len(text)
        self._held = text[shown:]
        return self._redactor.restore(text[:shown])

    def finish(self) -> str:
        """Return what was held back: it is no placeholder any more."""
        held, self._held = self._held, ""
        return held


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(one, change) for one in value]
    if isinstance(value, dict):
        return {key: _mapped(one, change) for key, one in value.items()}
    return value
