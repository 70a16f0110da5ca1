"""One fault after the other under load, each judged by the oracle when all has had its end."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.arena import Arena
from tests.chaos.faults import Fault
from tests.chaos.load import Load, Visitor, is_reply
from tests.chaos.oracle import (
    Findings,
    Stored,
    attempts_of,
    count_unended,
    ends_of,
    judge,
    read_stored,
)
from tests.chaos.waiting import LOOK_SECONDS, until

# A turn's deadline with its reserve, and a little for what looks at it.
PATIENCE_SECONDS = 140.0


@dataclass(frozen=True, slots=True)
class Work:
    """The load: conversations at once and messages a second, all together."""

    conversations: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Made:
    """A fault that was made, from when to when (monotonic)."""

    fault: Fault
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Overdue:
    """An answer that a killed worker was writing: how long after the kill another one's came (s).

    ``begun`` until its first words, ``whole`` until all of it, which the model takes its time for.
    """

    begun: float
    whole: float


@dataclass(slots=True)
class Result:
    """What one kind of fault came to; times in seconds."""

    name: str
    times: int
    findings: Findings
    messages: int
    conversations: int
    # From sending to the acknowledgement.
    acknowledged: list[float]
    # From the end of each fault to the first answer after it.
    recovered: list[float] = field(default_factory=list)
    # How the turns ended.
    ends: dict[str, int] = field(default_factory=dict)
    # From a kill to the answers that the killed worker was writing.
    overdue: list[Overdue] = field(default_factory=list)
    # From a kill to each socket's welcome.
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
    made: list[Made] = []
    arena.notes.clear()
    died: list[str] = []
    async with load:
        await _until_busy(load)
        for fault in faults:
            await asyncio.sleep(dice.uniform(0.5, 1.5) * fault.seconds_between)
            start = time.monotonic()
            await fault.make(arena, dice)
            made.append(Made(fault, start, time.monotonic()))
            await _until_answered_again(load, since=made[-1].end, arena=arena, died=died)
        usage = await asyncio.to_thread(arena.usage)
        await load.stop_asking()
        ended_after = await _until_all_ended(arena, load.visitors)
        stored = await _read(arena, load.visitors)
    findings = _judge(load.visitors, stored, made=made, ended_after=ended_after)
    findings.died += died
    return Result(
        name=name,
        times=len(faults),
        findings=findings,
        messages=sum(len(one.journal.sent) for one in load.visitors),
        conversations=len(load.visitors),
        acknowledged=_acknowledged(load.visitors),
        recovered=[_first_answer(load.visitors, since=one.end) - one.end for one in made],
        ends=ends_of(stored.values()),
        overdue=_overdue(
            load.visitors,
            [one.start for one in made if one.fault.is_worker_killed],
            stored=stored,
        ),
        reconnected=_welcomes(
            load.visitors, [one.start for one in made if one.fault.is_web_killed]
        ),
        ended_after=ended_after,
        usage=usage,
        notes=dict(arena.notes),
    )


async def _until_busy(load: Load) -> None:
    """Wait until most conversations had an answer: a fault is to meet work."""

    def answered() -> int:
        return sum(1 for one in load.visitors if one.said_by("assistant"))

    assert await until(lambda: answered() >= load.conversations / 2, seconds=120)


async def _until_answered_again(load: Load, *, since: float, arena: Arena, died: list[str]) -> None:
    """Wait for any answer; the result tells where none came, and what ended by itself."""

    def is_answered() -> bool:
        died.extend(arena.revive())
        return _first_answer(load.visitors, since=since) < float("inf")

    await until(is_answered, seconds=PATIENCE_SECONDS)


async def _until_all_ended(arena: Arena, visitors: Sequence[Visitor]) -> float:
    """Wait for the end of every message; return how long that took, or all the patience."""
    start = time.monotonic()
    names = [one.conversation for one in visitors]
    while time.monotonic() - start < PATIENCE_SECONDS:
        is_heard = all(one.is_heard for one in visitors)
        if is_heard and not await asyncio.to_thread(count_unended, arena.database_url, names):
            break
        await asyncio.sleep(LOOK_SECONDS)
    return time.monotonic() - start


async def _read(arena: Arena, visitors: Sequence[Visitor]) -> dict[str, Stored]:
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
    visitors: Sequence[Visitor],
    stored: dict[str, Stored],
    *,
    made: Sequence[Made],
    ended_after: float,
) -> Findings:
    findings = judge(
        [(one.conversation, one.journal) for one in visitors],
        stored,
        is_on_time=not any(one.fault.needs == "clock" for one in made),
    )
    findings.stuck += [
        f"nobody was answered within {PATIENCE_SECONDS:.0f} s of time {number}"
        for number, one in enumerate(made, start=1)
        if _first_answer(visitors, since=one.end) - one.end > PATIENCE_SECONDS
    ]
    if ended_after >= PATIENCE_SECONDS:
        findings.stuck.append(f"not all was over {PATIENCE_SECONDS:.0f} s after the last message")
    return findings


def _first_answer(visitors: Sequence[Visitor], *, since: float) -> float:
    """Return when the first answer came after ``since``; infinity when none did."""
    times = (
        at
        for one in visitors
        for seq, at in one.journal.received_at.items()
        if at > since and is_reply(one.journal.received[seq])
    )
    return min(times, default=float("inf"))


def _acknowledged(visitors: Sequence[Visitor]) -> list[float]:
    return [
        at - one.journal.sent_at[client_id]
        for one in visitors
        for client_id, at in one.journal.acknowledged_at.items()
    ]


def _overdue(
    visitors: Sequence[Visitor], kills: Sequence[float], *, stored: dict[str, Stored]
) -> list[Overdue]:
    """Return after how long each answer came whose worker was killed: another began it anew."""
    waited: list[Overdue] = []
    for visitor in visitors:
        journal = visitor.journal
        begun_anew = [
            seq for seq, times in attempts_of(stored[visitor.conversation]).items() if times > 1
        ]
        for seq in set(begun_anew) & set(journal.received_at):
            asked = max(place for place in journal.acknowledged.values() if place < seq)
            (client_id,) = (one for one, at in journal.acknowledged.items() if at == asked)
            said, answered = journal.sent_at[client_id], journal.received_at[seq]
            begun = journal.begun_at.get(journal.received[seq]["message"], answered)
            waited += [
                # What is not written piece by piece begins when it is there.
                Overdue((begun if kill < begun < answered else answered) - kill, answered - kill)
                for kill in kills
                if said < kill < answered
            ]
    return waited


def _welcomes(visitors: Sequence[Visitor], kills: Sequence[float]) -> list[float]:
    """Return after how long each client was back whose socket broke with the web process."""
    return [
        min(later) - kill
        for one in visitors
        for kill in kills
        if any(at < kill for at in one.journal.welcomed_at)
        and (later := [at for at in one.journal.welcomed_at if at > kill])
    ]
