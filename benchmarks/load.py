"""Customers that ask: one after the other, or a hundred at random moments; and what they saw."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.stamps import Stamps, find_stamps

ANSWER_SECONDS = 90.0
AT_ONCE = 20


class Chat(Protocol):
    """One open conversation with a system under test."""

    async def open(self) -> None:
        """Connect, and begin the conversation."""

    async def ready(self) -> None:
        """Begin anew where the last answer ended the conversation; no part of a turn's time."""

    def ask(self, question: str) -> AsyncGenerator[str, None]:
        """Say something and yield the answer's pieces as they arrive, until it is whole."""

    async def close(self) -> None:
        """Leave."""


@dataclass
class Seen:
    """What all customers of one run saw; times in seconds.

    ``before`` lies between a customer's sending and the request at the model's server, ``after``
    between its first word and the customer; ``added`` is both, of each turn.
    """

    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    asked: int = 0
    answered: int = 0
    # Answers without stamps did not come from the model: rules or articles gave them.
    unstamped: int = 0
    lost: int = 0
    # Arrivals that found every chat busy and asked nothing: the load was lower by them.
    dropped: int = 0

    @property
    def added(self) -> list[float]:
        """What lies between sending and the first word, less what the model's server took."""
        return [before + after for before, after in zip(self.before, self.after, strict=True)]

    def note(self, stamps: Stamps, *, sent: float, received: float) -> None:
        """Keep when a turn's first word came, and what lay before the model and after it."""
        self.before.append(stamps.read - sent)
        self.after.append(received - stamps.written)


async def ask_in_turn(chat: Chat, questions: Sequence[str], *, pause: float) -> Seen:
    """Ask in one conversation, each question after the last one's answer."""
    seen = Seen()
    for question in questions:
        await ask(chat, question, seen)
        await asyncio.sleep(pause)
    return seen


async def ask_at_random(
    chats: Sequence[Chat], questions: Sequence[str], *, per_second: float, seconds: float, seed: int
) -> Seen:
    """Ask in open conversations by a Poisson process; a busy one is never asked.

    Who finds all of them busy is counted and does not wait.
    """
    dice, seen = random.Random(seed), Seen()  # noqa: S311 - no secret
    idle, tasks = list(chats), set[asyncio.Task[None]]()
    started = due = time.monotonic()

    async def ask_one(chat: Chat, question: str) -> None:
        await ask(chat, question, seen)
        idle.append(chat)

    for question in questions:
        due += dice.expovariate(per_second)
        if due - started > seconds:
            break
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        if not idle:
            seen.dropped += 1
            continue
        chat = idle.pop(dice.randrange(len(idle)))
        tasks.add(asyncio.create_task(ask_one(chat, question)))
    await asyncio.gather(*tasks)
    return seen


async def ask_at_once(chats: Sequence[Chat], questions: Sequence[str], *, spread: float) -> Seen:
    """Ask once in each conversation, the beginnings spread evenly over some seconds."""
    seen = Seen()

    async def ask_one(number: int) -> None:
        await asyncio.sleep(spread * number / len(chats))
        await ask(chats[number], questions[number], seen)

    await asyncio.gather(*(ask_one(number) for number in range(len(chats))))
    return seen


async def ask(chat: Chat, question: str, seen: Seen) -> None:
    """Ask one question and note what came."""
    seen.asked += 1
    text, last, gaps = "", 0.0, list[float]()
    stamps: Stamps | None = None
    try:
        await chat.ready()
        sent = time.monotonic()
        async with asyncio.timeout(ANSWER_SECONDS), aclosing(chat.ask(question)) as pieces:
            async for piece in pieces:
                now = time.monotonic()
                text += piece
                if last:
                    gaps.append(now - last)
                last = now
                if stamps is None and (stamps := find_stamps(text)):
                    received = now
    except (TimeoutError, ConnectionError):
        seen.lost += 1
        return
    seen.answered += 1
    if stamps is None:
        seen.unstamped += 1
        return
    seen.note(stamps, sent=sent, received=received)
    seen.gaps += gaps


async def open_all(make: Callable[[], Chat], count: int) -> list[Chat]:
    """Open so many conversations."""
    chats = [make() for _ in range(count)]
    await a_few_at_a_time([chat.open for chat in chats])
    return chats


async def a_few_at_a_time(steps: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Take steps that would stand in each other's way if all were taken at once."""
    for start in range(0, len(steps), AT_ONCE):
        await asyncio.gather(*(step() for step in steps[start : start + AT_ONCE]))


async def close_all(chats: Sequence[Chat]) -> None:
    """Leave all conversations."""
    with suppress(ConnectionError, TimeoutError):
        await asyncio.gather(*(chat.close() for chat in chats))
