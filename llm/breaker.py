"""A circuit breaker of one process: fail at once while the upstream is down."""

import time
from collections import deque
from collections.abc import Callable

FAILURES_TO_OPEN = 5
WINDOW_SECONDS = 30.0
OPEN_SECONDS = 30.0


class CircuitBreaker:
    """Open after 5 failures within 30 s, stay open for 30 s, then let one probe through.

    Not thread-safe: it lives in one event loop.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed_at: deque[float] = deque(maxlen=FAILURES_TO_OPEN)
        self._next_probe_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Say whether calls are held back, the probe aside."""
        return self._next_probe_at is not None

    def allow(self) -> bool:
        """Say whether a call may be made now; True on an open breaker takes its one probe.

        A probe that never reports (its task was cancelled) is replaced 30 s later.
        """
        if self._next_probe_at is None:
            return True
        if self._clock() < self._next_probe_at:
            return False
        self._next_probe_at = self._clock() + OPEN_SECONDS
        return True

    def record_success(self) -> None:
        """Close the breaker: the upstream answered."""
        self._failed_at.clear()
        self._next_probe_at = None

    def record_failure(self) -> None:
        """Count a failure, and open when there were too many or the probe failed."""
        now = self._clock()
        self._failed_at.append(now)
        full = len(self._failed_at) == FAILURES_TO_OPEN
        if self.is_open or (full and now - self._failed_at[0] <= WINDOW_SECONDS):
            self._next_probe_at = now + OPEN_SECONDS
