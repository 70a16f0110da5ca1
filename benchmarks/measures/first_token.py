"""The time a system adds to the first token, alone and at a hundred open chats; CPU for turns."""

import asyncio
from itertools import islice

from benchmarks.bench import Bench, spending
from benchmarks.figures import Figures, percentile
from benchmarks.load import Seen, ask_at_random, ask_in_turn, close_all
from benchmarks.questions import questions
from benchmarks.systems.system import System
from benchmarks.upstream import Pace

TURNS_ALONE, PAUSE_SECONDS = 14, 0.1
# A system was stopped while others were measured: its caches are cold, and a database plans its
# statements anew after a while without any. What runs a company's chat all day is measured.
WARM_UP_CHATS, WARM_UP_TURNS = 8, 8
CHATS, PER_SECOND, SECONDS = 100, 8.0, 15.0
# What follows the last answer (a transaction, a task) belongs to the turns.
SETTLE_SECONDS = 1.0
# No more in one conversation than there are questions: one repeated goes to people.
# Alone only the first token counts: the rest of the answer needn't take its time.
FAST = Pace(first_after=0.1, per_second=400)


async def measure_alone(system: System, bench: Bench, *, seed: int) -> Figures:
    """Return the added time and the CPU in one conversation, one turn after the other."""
    await _warm_up(system, bench, seed=seed + 200)
    await bench.model.set_pace(FAST)
    turns = TURNS_ALONE // 4 if bench.is_quick else TURNS_ALONE
    chat = system.chat()
    await chat.open()
    asked = list(islice(questions(seed=seed), turns))
    with spending(system, bench.model) as spent:
        seen = await ask_in_turn(chat, asked, pause=PAUSE_SECONDS)
    await chat.close()
    return {
        "alone turns": seen.asked,
        "alone without the model": seen.unstamped,
        "alone lost": seen.lost,
        **{
            f"alone {name}": value
            for name, value in (first_token_of(seen) | spent.of_turns(seen.asked)).items()
        },
    }


async def measure_crowd(system: System, bench: Bench, *, seed: int) -> Figures:
    """Return the added time and the CPU of turns at random moments in a hundred open chats."""
    await _warm_up(system, bench, seed=seed + 300)
    await bench.model.set_pace(Pace())
    chats = await system.open_chats(CHATS // 5 if bench.is_quick else CHATS)
    with spending(system, bench.model) as spent:
        seen = await ask_at_random(
            chats,
            list(islice(questions(seed=seed + 100), 1000)),
            per_second=PER_SECOND / 5 if bench.is_quick else PER_SECOND,
            seconds=SECONDS / 4 if bench.is_quick else SECONDS,
            seed=seed,
        )
        await asyncio.sleep(SETTLE_SECONDS)
    await close_all(chats)
    return {
        **first_token_of(seen),
        "gap p95": percentile(seen.gaps, 95) * 1000,
        "turns": seen.asked,
        "dropped": seen.dropped,
        "without the model": seen.unstamped,
        "lost": seen.lost,
        "harness share": spent.harness_share,
        **spent.of_turns(seen.asked),
    }


async def _warm_up(system: System, bench: Bench, *, seed: int) -> None:
    """Let a system answer some questions, as fast as the model can."""
    await bench.model.set_pace(Pace(first_after=0, per_second=0))
    asked = questions(seed=seed)
    chats = await system.open_chats(2 if bench.is_quick else WARM_UP_CHATS)
    await asyncio.gather(
        *(
            ask_in_turn(chat, list(islice(asked, WARM_UP_TURNS)), pause=PAUSE_SECONDS)
            for chat in chats
        )
    )
    await close_all(chats)
    await asyncio.sleep(SETTLE_SECONDS)


def first_token_of(seen: Seen) -> Figures:
    """Return the added time in milliseconds, with what of it lay before the model and after."""
    times = {"added": seen.added, "before": seen.before, "after": seen.after}
    return {
        f"{name} p{percent}": percentile(values, percent) * 1000
        for name, values in times.items()
        for percent in (50, 95)
    }
