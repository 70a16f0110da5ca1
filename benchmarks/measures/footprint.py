"""What a turn stores and moves: bytes in tables and log, commits, the traffic of Redis."""

import asyncio
from itertools import islice

import psycopg
import redis

from benchmarks.bench import Bench
from benchmarks.figures import Figures
from benchmarks.load import ask_at_random, close_all, open_all
from benchmarks.questions import questions
from benchmarks.systems.product import Product
from benchmarks.systems.system import System
from benchmarks.upstream import Pace

CHATS, PER_SECOND, SECONDS = 40, 5.0, 60.0
SETTLE_SECONDS = 5.0
STORED = """
SELECT sum(pg_total_relation_size(oid)), pg_current_wal_lsn() - '0/0'::pg_lsn,
       (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())
FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
"""
NAMES = ("stored kB", "log kB", "commits", "Redis commands", "Redis kB in", "Redis kB out")
SCALES = (1e3, 1e3, 1, 1, 1e3, 1e3)


async def measure_footprint(system: System, bench: Bench, *, seed: int) -> Figures:
    """Return the figures of one turn; what goes on without any is subtracted."""
    if not isinstance(system, Product):
        raise TypeError(system)
    await bench.model.set_pace(Pace())
    scale = 6 if bench.is_quick else 1
    seconds = SECONDS / scale + SETTLE_SECONDS
    chats = await open_all(system.chat, CHATS // scale)
    before = _counts(system)
    await asyncio.sleep(seconds)
    idle = _counts(system)
    asked = list(islice(questions(seed=seed + 200), 1000))
    seen = await ask_at_random(
        chats, asked, per_second=PER_SECOND / scale, seconds=SECONDS / scale, seed=seed
    )
    await asyncio.sleep(SETTLE_SECONDS)
    after = _counts(system)
    await close_all(chats)
    counts = zip(NAMES, SCALES, before, idle, after, strict=True)
    return {
        name: (end - start - (start - begin)) / max(1, seen.asked) / by
        for name, by, begin, start, end in counts
    } | {
        "turns": seen.asked,
        "dropped": seen.dropped,
        "idle commits a second": (idle[2] - before[2]) / seconds,
    }


def _counts(system: Product) -> list[float]:
    """Return what was stored, logged, committed and sent until now."""
    with psycopg.connect(system.servers.urls.database_url, autocommit=True) as connection:
        # Counters of other sessions are flushed a little late.
        row = connection.execute(STORED).fetchone() or (0, 0, 0)
    with redis.Redis.from_url(system.servers.urls.redis_url) as client:
        told = client.info()
    traffic = ("total_commands_processed", "total_net_input_bytes", "total_net_output_bytes")
    return [*map(float, row), *(float(told[name]) for name in traffic)]
