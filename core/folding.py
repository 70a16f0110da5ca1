"""One spelling for the many of digits, dashes and spaces, and the way back to the original."""

import unicodedata
from dataclasses import dataclass

_REMOVED = "\u200b"
_KEPT_UP_TO = 0x3000
_OTHER_SPELLINGS = {
    "\u2212": "-",
    "\u2043": "-",
    "\u3002": ".",
    "\ufe52": ".",
    "\uff61": ".",
    "\ufe6b": "@",
    "\u20e3": _REMOVED,
    "\u034f": _REMOVED,
    "\u3164": _REMOVED,
}


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text; ``positions`` are the original's code points, None when they agree."""

    text: str
    positions: tuple[int, ...] | None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where ``[start, end)`` of the folded text stands in the original."""
        if self.positions is None:
            return start, end
        return self.positions[start], self.positions[end - 1] + 1


class _Spellings(dict[int, str]):
    """How ``str.translate`` folds each character, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        # A bound on the memory that a hostile text of rare characters can take.
        if code < _KEPT_UP_TO:
            self[code] = folded
        return folded


def _fold_character(character: str) -> str:
    if character in _OTHER_SPELLINGS:
        return _OTHER_SPELLINGS[character]
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if "\uff01" <= character <= "\uff5e":
        return chr(ord(character) - 0xFEE0)
    category = unicodedata.category(character)
    if category == "Cf" or "\ufe00" <= character <= "\ufe0f":
        return _REMOVED
    return {"Pd": "-", "Zs": " "}.get(category, character)


_SPELLINGS = _Spellings()


def fold(text: str) -> Folded:
    """Return ``text`` with ASCII digits, dashes and spaces and without invisible characters."""
    if text.isascii():
        return Folded(text, None)
    folded = text.translate(_SPELLINGS)
    if _REMOVED not in folded:
        return Folded(folded, None)
    kept = tuple(at for at, character in enumerate(folded) if character != _REMOVED)
    return Folded(folded.replace(_REMOVED, ""), kept)
