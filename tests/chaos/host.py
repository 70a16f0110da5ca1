"""What the machine below does: its disk is full, its clock is stepped."""

import asyncio
import random

from tests.chaos.arena import Arena


async def fill_disk(arena: Arena, dice: random.Random) -> None:
    """The database's disk is full; then there is space again, and what had ended is started."""
    assert arena.disk is not None
    await asyncio.to_thread(arena.disk.fill)
    await asyncio.sleep(dice.uniform(10, 30))
    await asyncio.to_thread(arena.disk.make_room)
    if not arena.servers.postgres.is_running:
        await asyncio.to_thread(arena.servers.postgres.start)


async def step_clock(arena: Arena, dice: random.Random) -> None:
    """The database's clock jumps by up to two hours, forth or back, and stays so."""
    assert arena.clock is not None
    arena.clock.step(dice.choice((-7200, -600, -30, 30, 600, 7200)))
    await asyncio.sleep(dice.uniform(0, 2))
    # A lease that was taken by the old clock has no worker any more.
    await arena.restart(dice.choice(arena.workers), "worker")
    await asyncio.sleep(dice.uniform(5, 10))
