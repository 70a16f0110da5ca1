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
    """Return the memory of a socket, and the shares of a core that they take.

    Without any there is work, too: what is done before they are open is taken off.
    """
    del seed
    if not isinstance(system, Product):
        raise TypeError(system)
    count = SOCKETS // 10 if bench.is_quick else SOCKETS
    web = system.stack.pid("web")
    without = await _shares(system, bench)
    before = memory_of(web)
    chats = await system.open_chats(count)
    await asyncio.sleep(SETTLE_SECONDS)
    held = memory_of(web) - before
    shares = await _shares(system, bench)
    alive = sum(not chat.is_gone for chat in chats)
    await close_all(chats)
    return {
        "sockets": alive,
        "kB a socket": held / max(1, alive) / 1000,
        "core %": shares["web"] - without["web"],
        "core % of all processes": sum(shares.values()) - sum(without.values()),
        "core % without any": sum(without.values()),
    }


async def _shares(system: Product, bench: Bench) -> Figures:
    """Return what percentage of a core each part takes."""
    with spending(system, bench.model) as spent:
        await asyncio.sleep(WATCHED_SECONDS)
    return {part: 100 * used / spent.seconds for part, used in spent.cpu.items()}
