"""What customers cost who only have their widget open."""

import asyncio

from benchmarks.bench import Bench, spending
from benchmarks.cores import memory_of
from benchmarks.figures import Figures
from benchmarks.load import close_all
from benchmarks.systems.product import Product
from benchmarks.systems.system import System

SOCKETS = 5_000
SETTLE_SECONDS, WATCHED_SECONDS = 10.0, 30.0


async def measure_idle_sockets(system: System, bench: Bench, *, seed: int) -> Figures:
    """Return the memory of a socket, and the share of a core that the web process uses for them.

    That of all processes, what they do without any socket included, stands beside it.
    """
    del seed
    if not isinstance(system, Product):
        raise TypeError(system)
    count = SOCKETS // 10 if bench.is_quick else SOCKETS
    web = system.stack.pid("web")
    before = memory_of(web)
    chats = await system.open_chats(count)
    await asyncio.sleep(SETTLE_SECONDS)
    held = memory_of(web) - before
    with spending(system, bench.model) as spent:
        await asyncio.sleep(WATCHED_SECONDS)
    alive = sum(not chat.is_gone for chat in chats)
    await close_all(chats)
    return {
        "sockets": alive,
        "kB a socket": held / count / 1000,
        "core %": 100 * spent.cpu["web"] / spent.seconds,
        "core % of all processes": 100 * sum(spent.cpu.values()) / spent.seconds,
    }
