"""Waiting for what tells nobody when it comes: a row, a request that a server noted."""

import asyncio
from collections.abc import Awaitable, Callable

LOOK_SECONDS = 0.02


async def until(is_so: Callable[[], Awaitable[bool]], *, seconds: float = 10) -> None:
    """Look again and again; raise ``TimeoutError`` where it never is so."""
    async with asyncio.timeout(seconds):
        while not await is_so():  # noqa: ASYNC110 - no event is there to wait for
            await asyncio.sleep(LOOK_SECONDS)
