"""Asks the moderation model about customers' texts, several at once, and waits for none long."""

import asyncio
import logging
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from django.conf import settings

from llm.breaker import breaker_of
from llm.connections import UPSTREAM_ERRORS, get_client, timeout
from llm.keys import key_ring
from llm.types import ModerationVerdict

MODERATION_SECONDS = 2.0
# Texts that come within this time share a request.
GATHER_SECONDS = 0.02
MOST_AT_ONCE = 32

logger = logging.getLogger(__name__)
Waiting = list[tuple[str, "asyncio.Future[ModerationVerdict | None]"]]


async def moderate(text: str) -> ModerationVerdict | None:
    """Ask the moderation model about a text; None when it gives no verdict within 2 s."""
    if not settings.OPENAI_MODERATION_MODEL or key_ring().find_usable() is None:
        return None
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[ModerationVerdict | None] = loop.create_future()
    waiting = _waiting.setdefault(loop, [])
    waiting.append((text, answer))
    if len(waiting) == 1:
        task = asyncio.create_task(_ask_soon(loop))
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
    try:
        async with asyncio.timeout(MODERATION_SECONDS):
            return await answer
    except TimeoutError:
        return None


async def _ask_soon(loop: asyncio.AbstractEventLoop) -> None:
    await asyncio.sleep(GATHER_SECONDS)
    waiting = _waiting.pop(loop, [])
    for start in range(0, len(waiting), MOST_AT_ONCE):
        batch = waiting[start : start + MOST_AT_ONCE]
        verdicts = await _ask([text for text, _ in batch])
        for (_, answer), verdict in zip(batch, verdicts, strict=True):
            if not answer.done():
                answer.set_result(verdict)


async def _ask(texts: Sequence[str]) -> Sequence[ModerationVerdict | None]:
    """Return a verdict a text, none at all where the request fails."""
    nothing = [None] * len(texts)
    key, breaker = key_ring().find_usable(), breaker_of("moderation")
    if key is None or not await breaker.allow():
        return nothing
    try:
        async with asyncio.timeout(MODERATION_SECONDS):
            verdicts = await _fetch_verdicts(texts, key=key)
    except (TimeoutError, *UPSTREAM_ERRORS) as error:
        await breaker.record_failure()
        logger.warning("openai moderation gave no verdict: %s", type(error).__name__)
        return nothing
    await breaker.record_success()
    return verdicts if len(verdicts) == len(texts) else nothing


async def _fetch_verdicts(texts: Sequence[str], *, key: str) -> list[ModerationVerdict]:
    response = await get_client(key).moderations.create(
        # A single text stays one: every compatible server takes that.
        input=list(texts) if len(texts) > 1 else texts[0],
        model=settings.OPENAI_MODERATION_MODEL,
        timeout=timeout(read=MODERATION_SECONDS),
    )
    return [
        ModerationVerdict(
            flagged=bool(result.flagged),
            categories=tuple(
                name for name, applies in result.categories.to_dict().items() if applies is True
            ),
        )
        for result in response.results
    ]


_waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, Waiting] = WeakKeyDictionary()
_tasks: set["asyncio.Task[None]"] = set()
