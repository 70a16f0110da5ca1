"""`python -m benchmarks.turn`: what each step of a turn costs, in one process without other load.

Prints the table of docs/benchmarks/turn.md. A question goes the whole way: stored as the web
process does it, answered as a worker does it, and read for the customer's socket.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.model import Model
from benchmarks.questions import questions
from benchmarks.systems.product import Product
from benchmarks.systems.system import Place
from benchmarks.upstream import Pace

WARM_UP = 5
# A customer asks some questions, and another comes.
QUESTIONS_A_CONVERSATION = 8
FAST = Pace(first_after=0.05, per_second=400)
ROW = "| {name} | {calls:.1f} | {milliseconds:.1f} | {statements:.1f} |"
HEAD = """| step | times a turn | CPU, ms a turn | statements |
|---|---|---|---|"""


@dataclass
class Costs:
    """What the steps used so far: processor seconds, calls and statements, by their functions."""

    cpu: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: Counter[str] = field(default_factory=Counter)
    statements: Counter[str] = field(default_factory=Counter)
    total: float = 0.0

    def clear(self) -> None:
        """Begin anew."""
        self.total = 0.0
        for counter in (self.cpu, self.calls, self.statements):
            counter.clear()

    def rows(self, turns: int) -> Iterator[str]:
        """Yield the table's rows, dearest first, and what was no step of the database's threads."""
        for name, seconds in sorted(self.cpu.items(), key=lambda one: -one[1]):
            yield ROW.format(
                name=f"`{name}`",
                calls=self.calls[name] / turns,
                milliseconds=seconds / turns * 1000,
                statements=self.statements[name] / turns,
            )
        rest = self.total - sum(self.cpu.values())
        yield ROW.format(
            name="all other threads: the model's stream, guards, previews",
            calls=1,
            milliseconds=rest / turns * 1000,
            statements=0,
        )
        yield ROW.format(
            name="**all**",
            calls=1,
            milliseconds=self.total / turns * 1000,
            statements=sum(self.statements.values()) / turns,
        )


@dataclass(frozen=True, slots=True)
class Guest:
    """What a message's handler needs of a socket."""

    token: str
    address: str = "127.0.0.1"
    origin: None = None


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.turn", description=__doc__)
    parser.add_argument("--turns", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="supportbot-turn-") as folder:
        costs = asyncio.run(_measure(Path(folder), turns=asked.turns))
    print(HEAD, *costs.rows(asked.turns), sep="\n")  # noqa: T201 - its output is what it is for
    return 0


async def _measure(folder: Path, *, turns: int) -> Costs:
    async with aiohttp.ClientSession() as session, Model(folder, session) as model:
        product = Product(Place(folder, model.url, session))
        try:
            await product.start()
            # Its servers and rows stay; who answers from here on is this process.
            product.stack.close()
            await model.set_pace(FAST)
            os.environ |= {**product.environment, "DJANGO_SETTINGS_MODULE": "supportbot.settings"}
            await asyncio.to_thread(_set_up)
            return await _ask(turns)
        finally:
            await product.stop()


def _set_up() -> None:
    import django

    django.setup()
    from supportbot.pool import load_the_rest, warm_up

    warm_up()
    load_the_rest()


async def _ask(turns: int) -> Costs:
    from core.background import close_database_connections
    from core.realtime import send_on

    # As a worker does.
    send_on(asyncio.get_running_loop())
    asked, costs = questions(seed=5), Costs()
    with _counted(costs):
        for number in range(WARM_UP + turns):
            if number == WARM_UP:
                costs.clear()
            if number % QUESTIONS_A_CONVERSATION == 0:
                conversation, token = await asyncio.to_thread(_begin)
            used = await _turn(conversation, token, next(asked))
            costs.total += used
    await asyncio.to_thread(close_database_connections)
    return costs


def _begin() -> tuple[Any, str]:
    from conversations.models import Site
    from conversations.services import start_conversation

    return start_conversation(Site.objects.get(key="demo"))


async def _turn(conversation: Any, token: str, question: str) -> float:
    """Ask, answer and read; return the processor time of it in seconds."""
    from assistant.models import Turn
    from assistant.turns import run_turn
    from core.background import in_database_thread
    from widget.handlers import receive
    from widget.protocol import Say
    from widget.state import read_messages

    began = time.process_time()
    said = Say(type="message", client_id=uuid.uuid4(), text=question)
    receipt = await in_database_thread(receive)(Guest(token), conversation, said)
    used = time.process_time() - began
    turn = await Turn.objects.aget(conversation=conversation, state=Turn.State.QUEUED)
    began = time.process_time()
    await run_turn(turn.pk)
    await in_database_thread(read_messages)(conversation, after=receipt.message.seq)
    return used + time.process_time() - began


@contextmanager
def _counted(costs: Costs) -> Iterator[None]:
    """Count what the database's threads do, meanwhile."""
    from django.db import connection

    from core import background

    run = background._with_own_connection

    def counted(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        name = getattr(function, "__name__", str(function)).lstrip("_")

        def count(execute: Callable[..., Any], *query: Any) -> Any:
            costs.statements[name] += 1
            return execute(*query)

        began = time.thread_time()
        try:
            with connection.execute_wrapper(count):
                return run(function, *args, **kwargs)
        finally:
            costs.cpu[name] += time.thread_time() - began
            costs.calls[name] += 1

    background._with_own_connection = counted
    try:
        yield
    finally:
        background._with_own_connection = run


if __name__ == "__main__":
    sys.exit(main())
