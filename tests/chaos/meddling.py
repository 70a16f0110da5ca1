"""Nudges that are lost, late and tripled, and keys that change while they are used."""

import asyncio
import random
import time

import redis.asyncio

from tests.chaos.arena import Arena

# So many wait for each nudge beside the two workers that nearly all are caught.
CATCHERS = 18
DROPPED = 0.3
COPIES = 3
# The same queue at another priority: workers listen to it, the catchers do not.
CAUGHT_BEFORE = "\x06\x163"
# Also those that ended well, by the articles' words because no key was good for the model's.
FAILED = """
SELECT count(*) FROM assistant_turn WHERE state = 'failed' OR error_code LIKE 'model\\_%'
"""


async def meddle_with_nudges(arena: Arena, dice: random.Random) -> None:
    """Of the nudges for workers 30 % are lost; the others come late, in any order, three times."""
    client = redis.asyncio.Redis.from_url(arena.servers.urls.redis_url)
    queue = _queue(arena)
    end = time.monotonic() + dice.uniform(20, 30)
    caught: list[asyncio.Task[None]] = []

    async def deliver(nudge: bytes) -> None:
        for _ in range(COPIES):
            await asyncio.sleep(dice.uniform(0, 2))
            await client.lpush(queue + CAUGHT_BEFORE, nudge)

    async def catch() -> None:
        while time.monotonic() < end:
            found = await client.brpop([queue], timeout=1)
            if found and dice.random() >= DROPPED:
                caught.append(asyncio.create_task(deliver(found[1])))

    try:
        await asyncio.gather(*(catch() for _ in range(CATCHERS)))
        await asyncio.gather(*caught)
    finally:
        await client.aclose()
    assert caught, "no nudge was caught"
    arena.notes["nudges that came late and three times, the last time"] = len(caught)


async def lose_nudges(arena: Arena, *, seconds: float) -> None:
    """All nudges for workers are lost for so long."""
    client = redis.asyncio.Redis.from_url(arena.servers.urls.redis_url)
    end, lost = time.monotonic() + seconds, 0

    async def catch() -> int:
        caught = 0
        while (left := end - time.monotonic()) > 0:
            caught += bool(await client.brpop([_queue(arena)], timeout=left))
        return caught

    try:
        lost = sum(await asyncio.gather(*(catch() for _ in range(CATCHERS))))
    finally:
        await client.aclose()
    arena.notes["nudges lost while the relay was gone, the last time"] = lost


async def rotate_keys(arena: Arena, dice: random.Random) -> None:
    """Each key is replaced in the file, and refused by the model's server a moment later."""
    await arena.let_model_be_asked()
    failed = await asyncio.to_thread(_count_failed, arena)
    for _ in range(10):
        old = arena.keys.read_text(encoding="ascii").split()
        arena.write_keys(f"sk-{dice.randrange(10**6)}", f"sk-{dice.randrange(10**6)}")
        for key in old:
            await asyncio.to_thread(arena.upstream.behave, "401", key=key)
        await asyncio.sleep(dice.uniform(1, 3))
    await asyncio.to_thread(arena.reset_model)
    failed = await asyncio.to_thread(_count_failed, arena) - failed
    assert not failed, f"{failed} turns were not ended by the model"


def _queue(arena: Arena) -> str:
    return f"{arena.prefix}.celery.turns"


def _count_failed(arena: Arena) -> int:
    with arena.database() as connection:
        row = connection.execute(FAILED).fetchone()
    return int(str(row[0])) if row else 0
