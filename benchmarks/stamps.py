"""Times written into a stream's first word, in letters only: no guard takes it for a number."""

import re
import string

LETTERS = string.ascii_lowercase
LENGTH = 11
_MARK = "zq"
_STAMP = re.compile(rf"{_MARK}([a-z]{{{LENGTH}}})\b")


def stamp(seconds: float) -> str:
    """Return a word that says when, by the monotonic clock that a machine's processes share."""
    left, letters = round(seconds * 1e6), ""
    for _ in range(LENGTH):
        left, digit = divmod(left, len(LETTERS))
        letters = LETTERS[digit] + letters
    return _MARK + letters


def find_stamp(text: str) -> float | None:
    """Return the time that a text says, in seconds; None while it says none."""
    found = _STAMP.search(text)
    if found is None:
        return None
    value = 0
    for letter in found[1]:
        value = value * len(LETTERS) + LETTERS.index(letter)
    return value / 1e6
