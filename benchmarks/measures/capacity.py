"""The busiest hour of ten thousand conversations a day, at its own pace, for some minutes of it.

What it costs is measured once as many talk as do in that hour, and until no more begin.
"""

import asyncio
import random
from collections.abc import Sequence
from itertools import islice

import psutil

from benchmarks.bench import Bench, spending
from benchmarks.figures import Figures, percentile
from benchmarks.load import Chat, Seen, ask, close_all
from benchmarks.questions import questions
from benchmarks.systems.product import Product
from benchmarks.systems.system import System
from benchmarks.upstream import Pace

A_DAY, PEAK_SHARE = 10_000, 0.15
PER_SECOND = A_DAY * PEAK_SHARE / 3600
TURNS_EACH, THINKING_SECONDS = 4, 12.0
# A talk takes a minute: four answers and the thoughts between them.
SECONDS, FILLING_SECONDS = 240.0, 70.0


async def measure_capacity(system: System, bench: Bench, *, seed: int) -> Figures:
    """Return what was lost, the added time, and the share of a core and the memory it took."""
    if not isinstance(system, Product):
        raise TypeError(system)
    await bench.model.set_pace(Pace())
    scale = 10 if bench.is_quick else 1
    seconds, filling = SECONDS / scale, FILLING_SECONDS / scale
    count = max(1, round(PER_SECOND * seconds))
    asked = questions(seed=seed + 300)
    chats = await system.open_chats(count)
    seen, dice = Seen(), random.Random(seed)  # noqa: S311 - no secret
    begin = sorted(dice.uniform(0, seconds) for _ in chats)
    talks = asyncio.gather(
        *(
            _talk(chat, list(islice(asked, TURNS_EACH)), seen, begin=at)
            for chat, at in zip(chats, begin, strict=True)
        )
    )
    await asyncio.sleep(filling)
    before = seen.asked
    with spending(system, bench.model) as spent:
        await asyncio.sleep(seconds - filling)
    turns = seen.asked - before
    await talks
    memory = _memory_of(system)
    await close_all(chats)
    return {
        "conversations": count,
        "turns": seen.asked,
        "turns a second": turns / spent.seconds,
        "lost": seen.lost,
        "without the model": seen.unstamped,
        "added p95": percentile(seen.added, 95) * 1000,
        "core share": sum(spent.cpu.values()) / spent.seconds,
        "GB": memory / 1e9,
    }


async def _talk(chat: Chat, asked: Sequence[str], seen: Seen, *, begin: float) -> None:
    await asyncio.sleep(begin)
    for question in asked:
        await ask(chat, question, seen)
        await asyncio.sleep(THINKING_SECONDS)


def _memory_of(system: Product) -> int:
    """Return the bytes of all processes, what they share counted once (PSS)."""
    roots = [psutil.Process(pid) for pids in system.parts().values() for pid in pids]
    every = {one for root in roots for one in (root, *root.children(recursive=True))}
    return sum(int(one.memory_full_info().pss) for one in every)
