"""Redis for code on an event loop: one client a loop, for its connections can't cross loops."""

import asyncio
from weakref import WeakKeyDictionary

from django.conf import settings
from redis import asyncio as aioredis

# Whoever asks has another way to go on: none waits long for Redis.
REDIS_SECONDS = 0.2

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, "aioredis.Redis"] = WeakKeyDictionary()


def loop_redis() -> "aioredis.Redis":
    """Return the running loop's client; its calls fail after 0.2 s."""
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = aioredis.Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=REDIS_SECONDS,
            socket_timeout=REDIS_SECONDS,
        )
    return _clients[loop]


async def close_loop_redis() -> None:
    """Close the running loop's client."""
    found = _clients.pop(asyncio.get_running_loop(), None)
    if found is not None:
        await found.aclose()
