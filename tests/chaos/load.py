"""Customers who ask and ask, each with a journal of what was sent, acknowledged and received."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

from tests.chaos.waiting import until
from tests.live.chat import Customer
from tests.live.processes import ROOT

RETRY_SECONDS = 0.2
# So long somebody looks at a conversation that went to people.
LINGER_SECONDS = 20.0
QUESTIONS = ROOT / "knowledge" / "demo" / "evaluation.jsonl"


class Visitor(Customer):
    """A customer who also waits for a web server that is not there at the moment."""

    has_left = False

    async def __aenter__(self) -> Self:
        while True:
            try:
                return await super().__aenter__()
            except (httpx.HTTPError, TimeoutError):
                await self.__aexit__()
                await asyncio.sleep(RETRY_SECONDS)

    @property
    def is_heard(self) -> bool:
        """Whether all that was said is acknowledged and was shown."""
        journal = self.journal
        shown = max(journal.received, default=0) >= max(journal.acknowledged.values(), default=0)
        return shown and len(journal.acknowledged) == len(journal.sent)

    @property
    def is_with_assistant(self) -> bool:
        """Whether the assistant answers what is said now."""
        return self.status == "assistant"


class Load:
    """So many conversations at once, so many messages a second; use it as a context manager.

    Everyone who ever asked stays in ``visitors``; a conversation that went to people is left
    for a new one, and its tab closed a little later.
    """

    def __init__(
        self, urls: Sequence[str], *, conversations: int, per_second: float, seed: int
    ) -> None:
        self.urls = tuple(urls)
        self.conversations, self.per_second = conversations, per_second
        self.visitors: list[Visitor] = []
        # How long each knocked until it was let in (s); whoever still does when all stop, too.
        self.entered: list[float] = []
        self._random = random.Random(seed)
        self._questions = _questions()
        self._tasks: list[asyncio.Task[None]] = []
        self._leaving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._keep_asking(number)) for number in range(self.conversations)
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop_asking()
        await asyncio.gather(*(visitor.__aexit__() for visitor in self.visitors))

    def forget_left(self) -> Sequence[Visitor]:
        """Keep those no longer who closed their tab; return them."""
        left = [one for one in self.visitors if one.has_left]
        self.visitors = [one for one in self.visitors if not one.has_left]
        return left

    async def stop_asking(self) -> None:
        """Say nothing more; the connections stay."""
        tasks = [*self._tasks, *self._leaving]
        for task in tasks:
            task.cancel()
        failed = await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks = []
        for one in failed:
            if isinstance(one, Exception):
                raise one

    async def _keep_asking(self, number: int) -> None:
        dice = random.Random(self._random.random())
        # Not all at once.
        await asyncio.sleep(dice.random() * self.conversations / self.per_second)
        while True:
            visitor = Visitor(self.urls[number % len(self.urls)])
            await self._let_in(visitor)
            questions = dice.sample(self._questions, k=len(self._questions))
            while visitor.is_with_assistant and questions:
                await visitor.say(f"{questions.pop()} (my reference is {dice.randrange(10**6)})")
                await asyncio.sleep(dice.expovariate(self.per_second / self.conversations))
            task = asyncio.create_task(_leave(visitor))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _let_in(self, visitor: Visitor) -> None:
        start = time.monotonic()
        try:
            await visitor.__aenter__()
        finally:
            self.entered.append(time.monotonic() - start)
        self.visitors.append(visitor)


async def _leave(visitor: Visitor) -> None:
    await asyncio.sleep(LINGER_SECONDS)
    is_over = False
    while not is_over:
        is_over = await until(
            lambda: visitor.is_heard and not visitor.is_with_assistant, seconds=LINGER_SECONDS
        )
    await visitor.__aexit__()
    visitor.has_left = True


def is_reply(row: dict[str, object]) -> bool:
    """Whether a message is not the customer's."""
    author = row["author"]
    return isinstance(author, dict) and author["kind"] != "customer"


def _questions() -> list[str]:
    rows = map(json.loads, QUESTIONS.read_text(encoding="utf-8").splitlines())
    return [row["question"] for row in rows if row["expect"] == "answer"]
