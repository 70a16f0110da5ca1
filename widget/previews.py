"""What one socket has shown of the running answer: decides which deltas still make sense."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class PreviewCursor:
    """Tracks one preview at a time; offsets count Unicode code points."""

    message: str = ""
    attempt: int = -1
    shown: int = 0
    over: set[str] = field(default_factory=set)

    def resume(self, *, message: str, attempt: int, text: str) -> None:
        """Start behind a text that ``welcome`` has shown."""
        self.message, self.attempt, self.shown = message, attempt, len(text)

    def accept(self, hint: dict[str, Any]) -> dict[str, Any] | None:
        """Return the ``delta`` frame to send for a hint, without what was shown already."""
        message, attempt = str(hint["message"]), int(hint["attempt"])
        text, offset = str(hint["text"]), int(hint["offset"])
        if message in self.over:
            return None
        if (message, attempt) != (self.message, self.attempt):
            if message == self.message and attempt < self.attempt:
                return None
            self.message, self.attempt, self.shown = message, attempt, 0
        if offset + len(text) <= self.shown:
            return None
        if offset < self.shown:
            text, offset = text[self.shown - offset :], self.shown
        self.shown = max(self.shown, offset + len(text))
        return {
            "type": "delta",
            "message": message,
            "attempt": attempt,
            "offset": offset,
            "text": text,
        }

    def end(self, hint: dict[str, Any]) -> dict[str, Any] | None:
        """Return the ``delta_end`` frame for a hint, or ``None`` when it is over already."""
        message, reason = str(hint["message"]), str(hint["reason"])
        if message in self.over:
            return None
        is_known = message == self.message and reason != "final"
        if is_known and int(hint["attempt"]) // 10 < self.attempt // 10:
            # A worker that lost its claim withdraws what another one writes by now.
            return None
        if reason != "retry":
            self.close(message)
        attempt = self.attempt if message == self.message else int(hint["attempt"])
        return {"type": "delta_end", "message": message, "attempt": attempt, "reason": reason}

    def close(self, message: str) -> None:
        """Let no late delta of ``message`` through any more."""
        if len(self.over) > 1_000:
            self.over.clear()
        self.over.add(message)
