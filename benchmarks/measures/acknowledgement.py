"""How soon a message is acknowledged at so many a second, and then stands on an agent's page.

The conversations are with people, so that no answer is written: each message is stored, told to
all who watch, and acknowledged.
"""

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress

from benchmarks.bench import Bench, spending
from benchmarks.figures import Figures, percentile
from benchmarks.load import close_all
from benchmarks.measures.agent import AgentPage
from benchmarks.systems.product import Product, Visit
from benchmarks.systems.system import System

# A customer may say thirty things a minute.
CHATS, SECONDS = 400, 40.0
# An agent does not look all the time: so often something new comes into the conversation.
WATCHED, WATCHED_EACH, LOOK_SECONDS = 10, 10, 0.35
ACKNOWLEDGED_SECONDS = 10.0


async def measure_acknowledgement(
    system: System, bench: Bench, *, seed: int, per_second: float = 100
) -> Figures:
    """Return the time until an acknowledgement, and until an agent's page shows the message."""
    if not isinstance(system, Product):
        raise TypeError(system)
    scale = 10 if bench.is_quick else 1
    per_second /= scale
    visits = await _with_people(system, CHATS // scale)
    with spending(system, bench.model) as spent:
        saying = asyncio.create_task(_say_at_random(visits[WATCHED:], per_second, seed=seed))
        try:
            seen = await _watch(system, visits[:WATCHED])
            took, dropped = await saying
        finally:
            saying.cancel()
    await close_all(visits)
    return {
        "messages": len(took),
        "dropped": dropped,
        "p50": percentile(took, 50) * 1000,
        "p95": percentile(took, 95) * 1000,
        "p99": percentile(took, 99) * 1000,
        "views": len(seen),
        "agent p50": percentile(seen, 50) * 1000,
        "agent p99": percentile(seen, 99) * 1000,
        "harness share": spent.harness_share,
        "tested core share": sum(spent.cpu.values()) / spent.seconds,
        **spent.of_turns(len(took)),
    }


async def say(visit: Visit, text: str) -> float:
    """Say something; return the seconds until it was acknowledged."""
    client_id, began = str(uuid.uuid4()), time.monotonic()
    await visit.send(type="message", client_id=client_id, text=text)
    async with asyncio.timeout(ACKNOWLEDGED_SECONDS):
        while True:
            frame = await visit.receive()
            if frame["type"] == "ack" and frame["client_id"] == client_id:
                return time.monotonic() - began


async def _with_people(system: Product, count: int) -> list[Visit]:
    visits = await system.open_chats(count)
    for visit in visits:
        await say(visit, "Good morning!")
        await visit.send(type="handoff")
        async with asyncio.timeout(ACKNOWLEDGED_SECONDS):
            while visit.status == "assistant":
                await visit.receive()
    return visits


async def _say_at_random(
    visits: Sequence[Visit], per_second: float, *, seed: int
) -> tuple[list[float], int]:
    """Return the seconds until each acknowledgement, and how many found all customers waiting."""
    dice, took, dropped = random.Random(seed), list[float](), 0  # noqa: S311 - no secret
    idle, tasks = list(visits), set[asyncio.Task[None]]()
    end = due = time.monotonic()
    end += SECONDS

    async def say_one(visit: Visit) -> None:
        took.append(await say(visit, f"And one more thing: {due:.6f}"))
        idle.append(visit)

    while due < end:
        due += dice.expovariate(per_second)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if idle:
            tasks.add(asyncio.create_task(say_one(idle.pop(0))))
        else:
            dropped += 1
    await asyncio.gather(*tasks)
    return took, dropped


async def _watch(system: Product, visits: Sequence[Visit]) -> list[float]:
    """Return the seconds from a customer's message until the agent's page holds it."""
    took = list[float]()
    async with AgentPage(system) as page:
        for visit in visits:
            await page.watch(visit.conversation)
            for number in range(WATCHED_EACH):
                began, text = time.monotonic(), f"number {number} {uuid.uuid4().hex}"
                saying = asyncio.create_task(say(visit, text))
                # One that is never shown took as long as was waited for it.
                with suppress(TimeoutError):
                    await page.until_shown(text)
                took.append(time.monotonic() - began)
                await saying
                await asyncio.sleep(max(0.0, began + LOOK_SECONDS - time.monotonic()))
    return took
