"""Times written into a stream's first words, in letters only: no guard takes them for numbers."""

import re
import string
from dataclasses import dataclass

LETTERS = string.ascii_lowercase
LENGTH = 11
_MARK = "zq"
_STAMPS = re.compile(rf"{_MARK}([a-z]{{{LENGTH}}}) {_MARK}([a-z]{{{LENGTH}}})\b")


@dataclass(frozen=True, slots=True)
class Stamps:
    """When the model's server had read a request, and when it wrote the answer's first word."""

    read: float
    written: float

    def __str__(self) -> str:
        return f"{_word_of(self.read)} {_word_of(self.written)}"


def find_stamps(text: str) -> Stamps | None:
    """Return the times that a text says; None while it does not say both."""
    found = _STAMPS.search(text)
    return Stamps(_time_of(found[1]), _time_of(found[2])) if found else None


def _word_of(seconds: float) -> str:
    """Return a word that says when, by the monotonic clock that a machine's processes share."""
    left, letters = round(seconds * 1e6), ""
    for _ in range(LENGTH):
        left, digit = divmod(left, len(LETTERS))
        letters = LETTERS[digit] + letters
    return _MARK + letters


def _time_of(letters: str) -> float:
    value = 0
    for letter in letters:
        value = value * len(LETTERS) + LETTERS.index(letter)
    return value / 1e6
