"""Rate limits that survive the loss of Redis by counting in this process instead."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

import redis
from django.conf import settings
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from core.errors import RateLimited

# What addresses that are none count as, all together.
UNKNOWN = "unknown"


@lru_cache(maxsize=1)
def _redis() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=0.3, socket_timeout=0.3, health_check_interval=15
    )


class TokenBucket:
    """``rate`` events a second with bursts of ``burst``, in this process.

    ``clock`` gives monotonic seconds.
    """

    # Each socket has some.
    __slots__ = ("_at", "_clock", "_level", "burst", "rate")

    def __init__(
        self, *, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate, self.burst, self._clock = rate, burst, clock
        self._level, self._at = burst, clock()

    def take(self) -> float:
        """Take one event; return 0.0, or the seconds to wait when there is none."""
        now = self._clock()
        self._level = min(self.burst, self._level + (now - self._at) * self.rate)
        self._at = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self.rate


_windows: dict[str, tuple[float, int]] = {}
_windows_lock = threading.Lock()


def _count_here(key: str, window_seconds: int) -> int:
    now = time.monotonic()
    with _windows_lock:
        if len(_windows) > 50_000:
            _windows.clear()
        started, count = _windows.get(key, (now, 0))
        if now - started >= window_seconds:
            started, count = now, 0
        _windows[key] = (started, count + 1)
        return count + 1


@dataclass(frozen=True, slots=True)
class Rate:
    """How many events of an actor a window holds."""

    name: str
    actor: str
    limit: int

    def key(self, window_seconds: int) -> str:
        """Return the key of the window that is now."""
        window = int(time.time() // window_seconds)
        return f"{settings.REDIS_PREFIX}.rate.{self.name}.{self.actor}.{window}"


def check_rate(name: str, actor: str, *, limit: int, window_seconds: int) -> None:
    """Count one event of ``actor``; raise ``RateLimited`` past ``limit`` in a fixed window."""
    check_rates([Rate(name, actor, limit)], window_seconds=window_seconds)


# Counts up to the first that is full, so that what others share is not used up in vain.
COUNT = """
for place, key in ipairs(KEYS) do
    local count = redis.call('INCR', key)
    if count == 1 then redis.call('EXPIRE', key, ARGV[1]) end
    if count > tonumber(ARGV[place + 1]) then return 1 end
end
return 0
"""


def check_rates(rates: Sequence[Rate], *, window_seconds: int) -> None:
    """Count one event by each rate in turn; raise ``RateLimited`` at the first that is past."""
    keys = [rate.key(window_seconds) for rate in rates]
    limits = [str(rate.limit) for rate in rates]
    try:
        is_past = bool(_redis().eval(COUNT, len(keys), *keys, str(window_seconds), *limits))
    except (RedisError, OSError):
        counted = zip(rates, keys, strict=True)
        is_past = any(_count_here(key, window_seconds) > rate.limit for rate, key in counted)
    if is_past:
        raise RateLimited(retry_after=window_seconds - time.time() % window_seconds)


def network_of(address: str) -> str:
    """Return what one visitor's address counts as: an IPv4 address, or the first of an IPv6 /64."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return UNKNOWN
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            # So a server that listens on both kinds names all IPv4 visitors: they are not one.
            return str(parsed.ipv4_mapped)
        return str(IPv6Network((int(parsed), 64), strict=False).network_address)
    return str(parsed)


def network_key(address: str) -> str:
    """Return a network as it is stored: it tells who comes from the same one, not from where."""
    return salted_hmac("core.limits.network_key", network_of(address)).hexdigest()[:32]
