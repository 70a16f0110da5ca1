"""Watches a streamed answer for the prompt: its canary, and long runs of its own words.

The canary is found spelt apart, backwards and encoded too. What is fed in comes out unchanged,
later by what may still become a leak.
"""

import base64
import re
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache

from assistant.violations import OutputViolation

# So many signs of the canary in a row are no accident; from so many on they are held back.
LEAKED_SIGNS, HELD_SIGNS = 8, 3
# Two people don't write twelve words in a row alike; from so many on they are held back.
LEAKED_WORDS, HELD_WORDS = 12, 5
_WORD = re.compile(r"\w+")


class LeakWatch:
    """Feed it pieces; it returns what is surely no part of the prompt."""

    def __init__(self, *, canary: str, instructions: str) -> None:
        self._runs = (_SignRun(canary), _WordRun(instructions))
        self._held = ""
        # Where the held text begins in the whole answer.
        self._start = 0

    def feed(self, piece: str) -> str:
        """Return what may be shown by now; raise ``OutputViolation``."""
        end = self._start + len(self._held)
        self._held += piece
        for run in self._runs:
            run.add(piece, start=end)
        # The first signs of a run were shown before it was long enough to be one.
        held_from = min(run.held_from for run in self._runs)
        shown = max(0, min(held_from - self._start, len(self._held)))
        return self._take(shown)

    def finish(self) -> str:
        """Return what is left at the end of the stream; raise ``OutputViolation``."""
        end = self._start + len(self._held)
        for run in self._runs:
            run.add(" ", start=end)
        return self._take(len(self._held))

    def _take(self, length: int) -> str:
        shown, self._held = self._held[:length], self._held[length:]
        self._start += length
        return shown


def check_leaks(text: str, *, canary: str, instructions: str) -> None:
    """Raise ``OutputViolation`` for a whole text that holds a part of the prompt."""
    watch = LeakWatch(canary=canary, instructions=instructions)
    watch.feed(text)
    watch.finish()


class _SignRun:
    """How much of the canary the last letters and digits spell, other signs left out."""

    def __init__(self, canary: str) -> None:
        self._spellings = _spellings(canary) if canary else ""
        self._run = ""
        self._places: deque[int] = deque(maxlen=LEAKED_SIGNS)

    @property
    def held_from(self) -> int:
        return self._places[-len(self._run)] if len(self._run) >= HELD_SIGNS else sys.maxsize

    def add(self, piece: str, *, start: int) -> None:
        for place, sign in enumerate(piece, start):
            if not sign.isalnum():
                continue
            self._places.append(place)
            self._run += sign.casefold()
            while self._run not in self._spellings:
                self._run = self._run[1:]
            if len(self._run) >= LEAKED_SIGNS:
                raise OutputViolation("canary", "The answer repeats the prompt's mark")


class _WordRun:
    """How many of the last words stand in the instructions in the same order."""

    def __init__(self, instructions: str) -> None:
        self._places_of = _places_of(instructions)
        self._runs: dict[int, int] = {}
        self._longest = 0
        self._begun = ""
        self._places: deque[int] = deque(maxlen=LEAKED_WORDS)

    @property
    def held_from(self) -> int:
        return self._places[-self._longest] if self._longest >= HELD_WORDS else sys.maxsize

    def add(self, piece: str, *, start: int) -> None:
        text = self._begun + piece
        start -= len(self._begun)
        self._begun = ""
        for match in _WORD.finditer(text):
            if match.end() == len(text):
                # It may go on with the next piece.
                self._begun = match[0]
            else:
                self._add_word(match[0].casefold(), place=start + match.start())

    def _add_word(self, word: str, *, place: int) -> None:
        before = self._runs
        self._runs = {
            number: before.get(number - 1, 0) + 1 for number in self._places_of.get(word, ())
        }
        self._longest = max(self._runs.values(), default=0)
        self._places.append(place)
        if self._longest >= LEAKED_WORDS:
            raise OutputViolation("instructions", "The answer repeats its instructions")


@lru_cache(maxsize=128)
def _places_of(instructions: str) -> Mapping[str, Sequence[int]]:
    """Return where each word stands; a site's instructions are the same from turn to turn."""
    places: dict[str, list[int]] = {}
    for number, word in enumerate(_WORD.findall(instructions.casefold())):
        places.setdefault(word, []).append(number)
    return places


@lru_cache(maxsize=8)
def _spellings(canary: str) -> str:
    """Return the canary as it may be asked for: as it is, backwards, in hexadecimal, in Base64.

    Each on a line of its own.
    """
    raw = canary.encode()
    # A text's Base64 depends on where in a group of three bytes it begins.
    encoded = [base64.b64encode(b"\0" * shift + raw).decode()[4:-4] for shift in range(3)]
    plain = [canary, canary[::-1], raw.hex(), *encoded]
    return "\n".join("".join(filter(str.isalnum, one.casefold())) for one in plain)
