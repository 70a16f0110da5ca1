"""Previews: the text of a running answer on its way to the viewers.

Deltas are disposable; the first goes out at once, later ones by one flush for the whole
process, so that a hundred streams cost thirty sends a second each at most.
"""

import asyncio
from weakref import WeakKeyDictionary

from assistant.claims import Claim
from core.realtime import conversation_group, publish_soon

FLUSH_SECONDS = 0.03


class Preview:
    """The visible part of one attempt; offsets count Unicode code points.

    Without a claim nobody watches, and nothing is sent.
    """

    def __init__(self, claim: Claim | None, *, attempt: int) -> None:
        self.claim = claim
        self.attempt = attempt
        self.text = ""
        self._sent = 0
        self._is_over = False

    @property
    def shown(self) -> str:
        """What viewers see of it now."""
        return self.text if self.claim and not self._is_over else ""

    def add(self, piece: str) -> None:
        """Append released text; the first piece is sent now, the next with the flush."""
        if not piece:
            return
        first = not self.text
        self.text += piece
        if first:
            self.flush()
        else:
            _flusher().mark(self)

    def flush(self) -> None:
        """Send what was not sent yet."""
        piece, offset = self.text[self._sent :], self._sent
        if piece:
            self._sent = len(self.text)
            self._publish({"type": "delta", "offset": offset, "text": piece})

    def end(self, reason: str) -> None:
        """Tell the viewers that this preview is over; nothing visible means nothing to tell."""
        if self.text and not self._is_over:
            self._is_over = True
            self.flush()
            self._publish({"type": "delta_end", "reason": reason})

    def _publish(self, fields: dict[str, object]) -> None:
        if self.claim is None:
            return
        publish_soon(
            conversation_group(self.claim.conversation_id),
            {
                "conversation": str(self.claim.conversation_id),
                "message": str(self.claim.public_id),
                "attempt": self.attempt,
                **fields,
            },
        )


class _Flusher:
    """One timer a loop for all previews that have something to send."""

    def __init__(self) -> None:
        self._dirty: set[Preview] = set()
        self._timer: asyncio.TimerHandle | None = None

    def mark(self, preview: Preview) -> None:
        self._dirty.add(preview)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._timer = None
        dirty, self._dirty = self._dirty, set()
        for preview in dirty:
            preview.flush()


_flushers: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Flusher]" = WeakKeyDictionary()


def _flusher() -> _Flusher:
    return _flushers.setdefault(asyncio.get_running_loop(), _Flusher())
