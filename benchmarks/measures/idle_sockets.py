"""What customers cost who only have their widget open."""

import asyncio
from collections.abc import Sequence
from statistics import fmean

from benchmarks.bench import Bench, spending
from benchmarks.cores import memory_of
from benchmarks.figures import Figures, difference
from benchmarks.load import close_all
from benchmarks.systems.product import Product
from benchmarks.systems.system import System

SOCKETS = 5_000
SETTLE_SECONDS = 10.0
# Beat has some things done once a minute: each window holds them once. Several tell how much the
# shares vary by themselves.
WINDOWS, WINDOW_SECONDS = 3, 60.0


async def measure_idle_sockets(system: System, bench: Bench, *, seed: int) -> Figures:
    """Return the memory of a socket, and the shares of a core that they take.

    Without any there is work, too: what is done before they are open is taken off. A difference up
    to its noise is not told from none.
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
        **_more("core %", _of_web(shares), _of_web(without)),
        **_more("core % of all processes", _of_all(shares), _of_all(without)),
        "core % without any": fmean(_of_all(without)),
    }


async def _shares(system: Product, bench: Bench) -> list[Figures]:
    """Return what percentage of a core each part takes, in one window after the other."""
    found = []
    for _ in range(WINDOWS):
        with spending(system, bench.model) as spent:
            await asyncio.sleep(WINDOW_SECONDS / 10 if bench.is_quick else WINDOW_SECONDS)
        found.append({part: 100 * used / spent.seconds for part, used in spent.cpu.items()})
    return found


def _of_web(shares: Sequence[Figures]) -> list[float]:
    return [one["web"] for one in shares]


def _of_all(shares: Sequence[Figures]) -> list[float]:
    return [sum(one.values()) for one in shares]


def _more(name: str, after: Sequence[float], before: Sequence[float]) -> Figures:
    value, noise = difference(after, before)
    return {name: value, f"{name} noise": noise}
