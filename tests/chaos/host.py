"""What the machine below does: its disk is full, its clock is stepped."""

import asyncio
import random
import time

from tests.chaos.arena import Arena

# What the question itself takes, and much more.
MOST_OFF = 5.0


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
    step = dice.choice((-7200, -600, -30, 30, 600, 7200))
    arena.clock.step(step)
    await asyncio.sleep(dice.uniform(1, 3))
    off = await asyncio.to_thread(_seconds_off, arena)
    assert abs(off - step) < MOST_OFF, f"the clock is {off:.0f} s from the real one, not {step}"
    # A lease that was taken by the old clock has no worker any more.
    await arena.restart(dice.choice(arena.workers), "worker")
    await asyncio.sleep(dice.uniform(5, 10))


def _seconds_off(arena: Arena) -> float:
    """Return how far the database's clock is from this process's (s)."""
    with arena.database() as connection:
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())").fetchone()
    return float(str(row[0])) - time.time() if row else 0.0
