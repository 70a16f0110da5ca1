"""Waiting for what tells nobody when it comes."""

import asyncio
import time
from collections.abc import Callable

LOOK_SECONDS = 0.1


async def until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Look again and again whether ``condition()`` holds; false when it never did."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(LOOK_SECONDS)
    return True
