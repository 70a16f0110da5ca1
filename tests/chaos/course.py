"""One fault after the other is made under load; what happened meanwhile is told."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from tests.chaos.arena import Arena
from tests.chaos.faults import Fault
from tests.chaos.load import Load
from tests.chaos.times import first_answer
from tests.chaos.waiting import until

# A turn's deadline with its reserve, and a little for what looks at it.
PATIENCE_SECONDS = 140.0
# No fault takes longer, unless it waits for what never comes.
FAULT_SECONDS = 600.0
WATCH_SECONDS = 0.5
WRITTEN = """
SELECT count(*) FROM assistant_turn
WHERE engine = 'openai' AND state = 'done' AND claimed_at > %s
"""


@dataclass(frozen=True, slots=True)
class Made:
    """A fault that was made, from when to when (monotonic)."""

    fault: Fault
    start: float
    end: float


@dataclass(slots=True)
class Course:
    """What happened while faults were made."""

    made: list[Made] = field(default_factory=list)
    # Which processes ended by themselves.
    died: list[str] = field(default_factory=list)
    # Why faults showed nothing.
    failed: list[str] = field(default_factory=list)
    # How long it took after the last fault of the model's server until a model wrote an answer.
    model_back: float | None = None


async def run_course(
    arena: Arena, load: Load, faults: Sequence[Fault], *, dice: random.Random
) -> Course:
    """Make faults one after the other, each when somebody was answered after the one before."""
    course = Course()
    async with supervised(arena, course):
        await _until_busy(load)
        for number, fault in enumerate(faults, start=1):
            await asyncio.sleep(dice.uniform(0.5, 1.5) * fault.seconds_between)
            await _make(fault, arena, course, dice=dice, number=number)
            await _until_answered(load, since=course.made[-1].end)
        if faults[-1].is_of_model:
            course.model_back = await _until_model_writes(arena, since=course.made[-1].end)
    return course


async def _make(
    fault: Fault, arena: Arena, course: Course, *, dice: random.Random, number: int
) -> None:
    start = time.monotonic()
    try:
        async with asyncio.timeout(FAULT_SECONDS):
            await fault.make(arena, dice)
    # Told with the rest, and the other faults are made.
    except Exception as error:
        course.failed.append(f"time {number}: {type(error).__name__}: {error}")
    course.made.append(Made(fault, start, time.monotonic()))


@asynccontextmanager
async def supervised(arena: Arena, course: Course) -> AsyncIterator[None]:
    """Start again what ends by itself, all the time, and note it in ``course``."""

    async def watch() -> None:
        while True:
            course.died += await asyncio.to_thread(arena.revive)
            await asyncio.sleep(WATCH_SECONDS)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        course.died += arena.revive()


async def _until_busy(load: Load) -> None:
    """Wait until most conversations had an answer: a fault is to meet work."""

    def answered() -> int:
        return sum(1 for one in load.visitors if one.said_by("assistant"))

    assert await until(lambda: answered() >= load.conversations / 2, seconds=120)


async def _until_answered(load: Load, *, since: float) -> None:
    """Wait for an answer; the judge tells where none came."""

    def is_answered() -> bool:
        return first_answer(load.visitors, since=since) < float("inf")

    await until(is_answered, seconds=PATIENCE_SECONDS)


async def _until_model_writes(arena: Arena, *, since: float) -> float:
    """Wait for an answer of the model's that was begun after ``since``; return how long it took.

    Nothing is put right by hand: the breaker closes by itself, or never.
    """
    started = await asyncio.to_thread(_database_now, arena)
    while time.monotonic() - since < PATIENCE_SECONDS:
        if await asyncio.to_thread(_count_written, arena, started):
            return time.monotonic() - since
        await asyncio.sleep(WATCH_SECONDS)
    return float("inf")


def _database_now(arena: Arena) -> datetime:
    with arena.database() as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    assert isinstance(row[0], datetime)
    return row[0]


def _count_written(arena: Arena, started: datetime) -> int:
    with arena.database() as connection:
        row = connection.execute(WRITTEN, [started]).fetchone()
    return int(str(row[0])) if row else 0
