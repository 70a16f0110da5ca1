"""Uses of a model with their budget around them: reserved before, settled however it ends."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import Error

from assistant.budget import Grant, Purpose, reserve, settle
from core.background import in_database_thread
from llm.tokens import raw_tokens
from llm.types import ChatMessage, Tier, Usage

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Spending:
    """What was granted; whoever uses it puts each usage in. ``cost`` is there afterwards."""

    grant: Grant
    usages: list[Usage] = field(default_factory=list)
    cost: Decimal | None = None

    def note(self, usage: Usage | None) -> None:
        """Count what a reply used, or one that failed, where its server told."""
        if usage is not None:
            self.usages.append(usage)

    @property
    def is_granted(self) -> bool:
        """Whether any model may be asked."""
        return self.grant.tier is not None


@asynccontextmanager
async def spending(
    purpose: Purpose, *, wanted: Tier, prompt_tokens: int, max_completion_tokens: int
) -> AsyncIterator[Spending]:
    """Reserve for the block, and book what it used when it ends, also by an error."""
    grant = await in_database_thread(reserve)(
        purpose,
        wanted=wanted,
        prompt_tokens=prompt_tokens,
        max_completion_tokens=max_completion_tokens,
    )
    spent = Spending(grant)
    try:
        yield spent
    finally:
        spent.cost = await book(grant, spent.usages)


async def book(grant: Grant, usages: Sequence[Usage]) -> Decimal | None:
    """Settle what was reserved; where the database is busy, that is left to `settle_stale`.

    What was written must not be lost because it could not be booked at once.
    """
    if grant.reservation_pk is None:
        return None
    try:
        return await in_database_thread(settle)(grant.reservation_pk, usages)
    except Error as error:
        logger.warning("reservation %s not settled: %s", grant.reservation_pk, type(error).__name__)
        return None


def tokens_of(messages: Sequence[ChatMessage]) -> int:
    """Return about how many tokens short messages are; never on an event loop."""
    return sum(raw_tokens(message.content, model="") for message in messages)
