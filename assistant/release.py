"""Decides how much of a streamed answer may be shown already.

Unfinished links and citation marks are held back, marks like ``[2]`` are taken out and
remembered, and the prompt's canary never passes.
"""

import re

MARK = re.compile(r"\[\s*\d+(?:\s*,\s*\d+)*\s*\]")
LONGEST_LINK = 400


class CanaryLeaked(Exception):
    """The model repeats its instructions; the preview is withdrawn."""


class Release:
    """Feed it pieces; it returns what may be shown, in order and without loss."""

    def __init__(self, *, canary: str) -> None:
        self._canary = canary
        self._held = ""
        self.cited: list[int] = []

    def feed(self, piece: str) -> str:
        """Return the text that ``piece`` made releasable; raise ``CanaryLeaked``."""
        self._held += piece
        self._take_marks()
        if self._canary and self._canary in self._held:
            raise CanaryLeaked
        cut = self._safe_length()
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def finish(self) -> str:
        """Return what is left at the end of the stream."""
        rest, self._held = self._held, ""
        return rest.rstrip()

    def _take_marks(self) -> None:
        for mark in MARK.finditer(self._held):
            self.cited += [int(number) for number in re.findall(r"\d+", mark.group())]
        self._held = re.sub(r"[ \t]*" + MARK.pattern, "", self._held)

    def _safe_length(self) -> int:
        cut = len(self._held.rstrip(" \t"))
        opened = self._held.rfind("[")
        if opened >= 0 and len(self._held) - opened < LONGEST_LINK and not self._closed(opened):
            cut = min(cut, len(self._held[:opened].rstrip(" \t")))
        return min(cut, self._before_canary())

    def _closed(self, opened: int) -> bool:
        closing = self._held.find("]", opened)
        if closing < 0 or closing + 1 >= len(self._held):
            return False
        return self._held[closing + 1] != "(" or ")" in self._held[closing:]

    def _before_canary(self) -> int:
        """The length up to a tail that may become the canary."""
        for size in range(min(len(self._canary) - 1, len(self._held)), 0, -1):
            if self._held.endswith(self._canary[:size]):
                return len(self._held) - size
        return len(self._held)
