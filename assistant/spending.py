"""Uses of a model with their budget around them: reserved before, settled however it ends."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import Error

from assistant.budget import Grant, Purpose, reserve, settle
from assistant.routing import tier_of_task
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
    is_tried: bool = False

    def note(self, usage: Usage | None) -> None:
        """Count what a reply used, or one that failed, where its server told."""
        if usage is not None:
            self.usages.append(usage)

    @property
    def tier(self) -> Tier | None:
        """The tier that may be asked, if any."""
        return self.grant.tier

    @property
    def is_due(self) -> bool:
        """Whether there is something to settle."""
        return self.grant.reservation_pk is not None and not self.is_tried

    def settle(self) -> None:
        """Settle what was reserved, once; where the database is busy, `settle_stale` will.

        What was written must not be lost because it could not be booked at once.
        """
        pk, is_due = self.grant.reservation_pk, self.is_due
        self.is_tried = True
        if pk is None or not is_due:
            return
        try:
            self.cost = settle(pk, self.usages)
        except Error as error:
            logger.warning("reservation %s not settled: %s", pk, type(error).__name__)


@asynccontextmanager
async def spending(
    purpose: Purpose, *, prompt_tokens: int, max_completion_tokens: int
) -> AsyncIterator[Spending]:
    """Reserve for a short task, and book what it used when the block ends, also by an error.

    The table of tiers says which models it is worth.
    """
    grant = await in_database_thread(_reserve)(
        purpose, prompt_tokens=prompt_tokens, max_completion_tokens=max_completion_tokens
    )
    spent = Spending(grant)
    try:
        yield spent
    finally:
        await book(spent)


def _reserve(purpose: Purpose, *, prompt_tokens: int, max_completion_tokens: int) -> Grant:
    return reserve(
        purpose,
        wanted=tier_of_task(purpose.name, site_pk=purpose.site_pk),
        prompt_tokens=prompt_tokens,
        max_completion_tokens=max_completion_tokens,
    )


async def book(spent: Spending) -> None:
    """Settle what was reserved, unless that is done."""
    if spent.is_due:
        await in_database_thread(spent.settle)()


def tokens_of(messages: Sequence[ChatMessage]) -> int:
    """Return about how many tokens short messages are; never on an event loop."""
    return sum(raw_tokens(message.content, model="") for message in messages)
