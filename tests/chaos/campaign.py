"""One kind of fault under load, judged by the oracle when all has had its end."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.arena import Arena
from tests.chaos.course import PATIENCE_SECONDS, Course, run_course
from tests.chaos.faults import Fault
from tests.chaos.load import Load, Visitor
from tests.chaos.oracle import (
    Findings,
    Stored,
    count_unended,
    ends_of,
    judge,
    read_stored,
)
from tests.chaos.times import Overdue, acknowledgements, first_answer, overdue, returns
from tests.chaos.waiting import LOOK_SECONDS, until


@dataclass(frozen=True, slots=True)
class Work:
    """The load: conversations at once and messages a second, all together."""

    conversations: int
    per_second: float


@dataclass(slots=True)
class Result:
    """What one kind of fault came to; times in seconds."""

    name: str
    times: int
    findings: Findings
    messages: int
    # From sending to the acknowledgement.
    acknowledged: list[float]
    # From knocking to the first welcome.
    entered: list[float] = field(default_factory=list)
    # From the end of each fault to the first answer to what was said after it.
    recovered: list[float] = field(default_factory=list)
    # From the end of the last fault of the model's server to an answer that the model wrote.
    model_back: float | None = None
    # How the turns ended.
    ends: dict[str, int] = field(default_factory=dict)
    # From a kill to the answers that the killed worker was writing.
    overdue: list[Overdue] = field(default_factory=list)
    # From a kill of a web server to the welcome of each socket that broke by it.
    reconnected: list[float] = field(default_factory=list)
    ended_after: float = 0.0
    usage: dict[str, float] = field(default_factory=dict)
    # What the fault measured itself; of several times, the last.
    notes: dict[str, float] = field(default_factory=dict)


async def run_faults(
    arena: Arena, name: str, faults: Sequence[Fault], *, dice: random.Random, work: Work
) -> Result:
    """Make faults one after the other under load, let all come to its end, and judge."""
    load = Load(
        [arena.url],
        conversations=work.conversations,
        per_second=work.per_second,
        seed=dice.randrange(2**32),
    )
    arena.notes.clear()
    async with load:
        course = await run_course(arena, load, faults, dice=dice)
        usage = await asyncio.to_thread(arena.usage)
        await load.stop_asking()
        ended_after = await until_all_ended(arena, load.visitors)
        stored = await read_all(arena, load.visitors)
    visitors = load.visitors
    return Result(
        name=name,
        times=len(faults),
        findings=_judge(load, stored, course=course, ended_after=ended_after),
        messages=sum(len(one.journal.sent) for one in visitors),
        acknowledged=acknowledgements(visitors),
        entered=load.entered,
        recovered=[first_answer(visitors, since=one.end) - one.end for one in course.made],
        model_back=course.model_back,
        ends=ends_of(stored.values()),
        overdue=overdue(
            visitors,
            [one.start for one in course.made if one.fault.is_worker_killed],
            stored=stored,
        ),
        reconnected=returns(
            visitors, [(one.start, one.end) for one in course.made if one.fault.is_web_killed]
        ),
        ended_after=ended_after,
        usage=usage,
        notes=dict(arena.notes),
    )


async def until_all_ended(arena: Arena, visitors: Sequence[Visitor]) -> float:
    """Wait for the end of every message; return how long that took (s), or all the patience."""
    start = time.monotonic()
    names = [one.conversation for one in visitors]
    while time.monotonic() - start < PATIENCE_SECONDS:
        is_heard = all(one.is_heard for one in visitors)
        if is_heard and not await asyncio.to_thread(count_unended, arena.database_url, names):
            break
        await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic() - start


async def read_all(arena: Arena, visitors: Sequence[Visitor]) -> dict[str, Stored]:
    """Return their conversations as stored, when all have seen what is there or never will."""
    stored = await asyncio.to_thread(
        read_stored, arena.database_url, [one.conversation for one in visitors]
    )

    def has_all(one: Visitor) -> bool:
        found = stored.get(one.conversation)
        return found is None or max(one.journal.received, default=0) >= found.last_seq

    # What was just committed is on its way; what never comes is a hole.
    await until(lambda: all(map(has_all, visitors)), seconds=30)
    return stored


def _judge(
    load: Load, stored: dict[str, Stored], *, course: Course, ended_after: float
) -> Findings:
    findings = judge(
        [(one.conversation, one.journal) for one in load.visitors],
        stored,
        is_on_time=not any(one.fault.needs == "clock" for one in course.made),
    )
    findings.stuck += [
        f"nobody was answered within {PATIENCE_SECONDS:.0f} s of time {number}"
        for number, one in enumerate(course.made, start=1)
        if first_answer(load.visitors, since=one.end) - one.end > PATIENCE_SECONDS
    ]
    if ended_after >= PATIENCE_SECONDS:
        findings.stuck.append(f"not all was over {PATIENCE_SECONDS:.0f} s after the last message")
    if course.model_back == float("inf"):
        findings.stuck.append(f"no model wrote an answer {PATIENCE_SECONDS:.0f} s after the last")
    findings.unaccepted += [
        f"somebody could not get in for {seconds:.0f} s"
        for seconds in load.entered
        if seconds > PATIENCE_SECONDS
    ]
    findings.died += course.died
    findings.failed += course.failed
    return findings
