"""Circuit breakers: fail at once while the upstream is down, in all workers together."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any, Final, cast

from django.conf import settings
from redis.exceptions import RedisError

from core.loop_redis import REDIS_SECONDS, loop_redis

FAILURES_TO_OPEN = 5
WINDOW_SECONDS = 30.0
OPEN_SECONDS = 30.0
KEPT_SECONDS = 600
# Where nothing has failed anywhere, a worker looks no more often than this.
CLEAN_SECONDS = 2.0
_CLEAN: Final = 2
logger = logging.getLogger(__name__)


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


# Times are Redis' own: the workers' clocks need not agree.
_NOW: Final = "local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000) "
_ALLOW: Final = (
    _NOW
    + """
local probe_at = redis.call('GET', KEYS[2])
if not probe_at then return 2 - redis.call('EXISTS', KEYS[1]) end
if now < tonumber(probe_at) then return 0 end
redis.call('SET', KEYS[2], string.format('%d', now + ARGV[2]), 'EX', ARGV[4])
return 1
"""
)
_FAILURE: Final = (
    _NOW
    + """
redis.call('LPUSH', KEYS[1], string.format('%d', now))
redis.call('LTRIM', KEYS[1], 0, ARGV[3] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[4])
local oldest = redis.call('LINDEX', KEYS[1], ARGV[3] - 1)
local full = oldest and now - tonumber(oldest) <= tonumber(ARGV[1])
if full or redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('SET', KEYS[2], string.format('%d', now + ARGV[2]), 'EX', ARGV[4])
end
return 1
"""
)
_SUCCESS: Final = "return redis.call('DEL', KEYS[1], KEYS[2])"


class SharedBreaker:
    """The breaker of one model, for all workers through Redis.

    Counts in this process too, and by that alone while Redis is away. What other workers see
    fail is known here within `CLEAN_SECONDS`; until then a success does not count against it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._own = CircuitBreaker()
        self._clean_until = 0.0
        self._failures = 0

    @property
    def keys(self) -> tuple[str, str]:
        """The keys of its failures and its next probe; by their braces one node has both."""
        tag = f"{{{settings.OPENAI_BASE_URL}.{self.name}}}"
        prefix = f"{settings.REDIS_PREFIX}.breaker.{tag}"
        return f"{prefix}.failed", f"{prefix}.open"

    async def allow(self) -> bool:
        """Say whether a call may be made now, as `CircuitBreaker.allow` does."""
        if self._is_clean:
            return True
        own, failures = self._own.allow(), self._failures
        shared = await self._run(_ALLOW)
        if shared == _CLEAN and own and failures == self._failures:
            self._clean_until = time.monotonic() + CLEAN_SECONDS
        return own if shared is None else bool(shared)

    async def record_success(self) -> None:
        """Close the breaker, if anything is known that speaks against it."""
        self._own.record_success()
        if not self._is_clean:
            await self._run(_SUCCESS)

    async def record_failure(self) -> None:
        """Count a failure."""
        self._clean_until, self._failures = 0.0, self._failures + 1
        self._own.record_failure()
        await self._run(_FAILURE)

    @property
    def _is_clean(self) -> bool:
        """Whether it was closed a moment ago, with no failure that a success would clear."""
        return time.monotonic() < self._clean_until

    async def _run(self, script: str) -> int | None:
        """Return what a script returned, None without Redis."""
        bounds = (
            int(WINDOW_SECONDS * 1000), int(OPEN_SECONDS * 1000), FAILURES_TO_OPEN, KEPT_SECONDS,
        )  # fmt: skip
        evaluated = loop_redis().eval(script, 2, *self.keys, *map(str, bounds))
        running = cast("Awaitable[Any]", evaluated)
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                return int(await running)
        except (RedisError, OSError, TimeoutError) as error:
            logger.info("breaker by this process alone: %s", type(error).__name__)
            return None


@cache
def breaker_of(name: str) -> SharedBreaker:
    """Return this process's view of a breaker."""
    return SharedBreaker(name)
