"""Answers given again: to the very same question, by the same articles and the same prompt.

Only what anybody may read is kept: nothing of a customer, of a tool or of what was said before
went into it. An answer that did not help somebody is never given again.
"""

import asyncio
import hashlib
import json
import logging
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from psycopg.types.json import Jsonb
from redis.asyncio.lock import Lock
from redis.exceptions import RedisError

from assistant.confidence import threshold_of
from assistant.drafts import Citation, Draft
from assistant.models import CachedAnswer
from assistant.planning import Answer
from assistant.promises import OutputRule
from core.background import in_database_thread
from core.loop_redis import loop_redis
from core.rows import fetch_row

logger = logging.getLogger(__name__)
KEPT = timedelta(days=7)
MOST_KEPT = 20_000
# One turn writes, the others look whether it has landed.
LOOK_SECONDS, LOOKS = 0.1, 80
# Longer than most answers take, and not much: when a writer dies, who asks the same within this
# time waits for nothing. When it is only slow, another one writes too, which costs an answer.
FLIGHT_SECONDS = 20
ENGINE = "cache"


def normalise_question(question: str) -> str:
    """Return what two ways of typing the same question have in common."""
    folded = unicodedata.normalize("NFKC", question).casefold()
    return " ".join(folded.split()).rstrip(" ?!.\u2026")


def cache_key(plan: Answer, *, prompt_version: str, rules: Sequence[OutputRule]) -> str:
    """Return the key of all that an answer to a stranger's first question depends on.

    ``rules`` say what it may not promise.
    """
    site, reading = plan.conversation.site, plan.reading
    parts = [
        site.pk,
        plan.knowledge_version,
        prompt_version,
        reading.language,
        site.hold_sentences,
        site.pinned_tier,
        threshold_of(site, topic=plan.judgement.topic),
        [asdict(rule) for rule in rules],
        sorted(site.link_hosts),
        normalise_question(plan.question),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def stands_alone(plan: Answer) -> bool:
    """Whether the question was looked up as it is, and nothing was said before it."""
    return plan.looked_up == plan.question and not plan.reading.earlier


def find_cached(key: str) -> CachedAnswer | None:
    """Return the answer that may be given again for ``key``."""
    return fetch_row(CachedAnswer, HELPFUL, {"key": key, "kept": KEPT})


# Neither where it was first shown nor where it was given again did it fail to help. What its row
# held before it was written anew is another answer.
HELPFUL = """
WHERE key = %(key)s AND NOT is_disabled AND created_at > statement_timestamp() - %(kept)s
    AND NOT EXISTS (
        SELECT FROM conversations_message AS shown
        WHERE shown.id = source_message_id AND shown.helpful = false)
    AND NOT EXISTS (
        SELECT FROM assistant_turn AS again JOIN conversations_message AS shown
            ON shown.id = again.message_id AND shown.conversation_id = again.conversation_id
        WHERE again.cached_answer_id = assistant_cachedanswer.id
            AND again.finished_at >= assistant_cachedanswer.created_at
            AND shown.helpful = false)
"""


def draft_of(cached: CachedAnswer) -> Draft:
    """Return a kept answer as a draft."""
    return Draft(
        text=cached.text,
        citations=tuple(
            Citation(title=one["title"], url=one["url"], quote=one["quote"])
            for one in cached.citations
        ),
        engine=ENGINE,
        prompt_version=cached.prompt_version,
        cached_answer_pk=cached.pk,
    )


def remember(key: str, plan: Answer, draft: Draft, *, confidence: float) -> int:
    """Keep an answer for its key, in place of one that is too old or did not help.

    Returns its pk, by which the message that shows it is noted once it is stored.
    """
    fields: dict[str, Any] = {
        "key": key,
        "site": plan.conversation.site_id,
        "question": plan.question,
        "locale": plan.reading.language,
        "text": draft.text,
        "citations": Jsonb([dict(citation) for citation in draft.citations]),
        "confidence": confidence,
        "knowledge_version": plan.knowledge_version,
        "prompt_version": draft.prompt_version,
        "cost": draft.cost,
    }
    with connection.cursor() as cursor:
        cursor.execute(KEEPING, fields)
        (pk,) = cursor.fetchone()
    return int(pk)


KEEPING = """
INSERT INTO assistant_cachedanswer
    (key, site_id, question, locale, text, citations, confidence, knowledge_version,
     prompt_version, cost, is_disabled, source_message_id, created_at)
VALUES (
    %(key)s, %(site)s, %(question)s, %(locale)s, %(text)s, %(citations)s, %(confidence)s,
    %(knowledge_version)s, %(prompt_version)s, %(cost)s, false, NULL, statement_timestamp())
ON CONFLICT (key) DO UPDATE
SET (site_id, question, locale, text, citations, confidence, knowledge_version, prompt_version,
     cost, is_disabled, source_message_id, created_at)
    = (EXCLUDED.site_id, EXCLUDED.question, EXCLUDED.locale, EXCLUDED.text, EXCLUDED.citations,
       EXCLUDED.confidence, EXCLUDED.knowledge_version, EXCLUDED.prompt_version, EXCLUDED.cost,
       false, NULL, EXCLUDED.created_at)
RETURNING id
"""


def drop_old() -> int:
    """Forget what is too old, and the oldest of too many; return how many."""
    keep = CachedAnswer.objects.order_by("-created_at").values("pk")[:MOST_KEPT]
    old = Q(created_at__lt=Now() - KEPT) | ~Q(pk__in=list(keep.values_list("pk", flat=True)))
    count, _ = CachedAnswer.objects.filter(old).delete()
    return count


@asynccontextmanager
async def single_flight(key: str, *, waits: bool = True) -> AsyncIterator[CachedAnswer | None]:
    """Let one turn of all workers write an answer; the others get it when it is there.

    Yields what another one wrote meanwhile. Without Redis, or when it takes too long, each
    writes its own: nothing waits for ever, and nothing fails. A turn that is begun anew had
    better not wait: the mark is most likely that of its own worker, which died.
    """
    flight, others = await _take_off(key), None
    if flight is None and waits and await _is_in_flight(key):
        others = await _await_other(key)
    try:
        yield others
    finally:
        if flight is not None:
            await _land(flight)


async def _await_other(key: str) -> CachedAnswer | None:
    for _ in range(LOOKS):
        if not await _is_in_flight(key):
            break
        await asyncio.sleep(LOOK_SECONDS)
    return await in_database_thread(find_cached)(key)


async def _take_off(key: str) -> Lock | None:
    """Return the mark of the turn that writes; None where another writes, or without Redis."""
    try:
        flight = loop_redis().lock(_flight(key), timeout=FLIGHT_SECONDS, thread_local=False)
        return flight if await flight.acquire(blocking=False) else None
    except (RedisError, OSError) as error:
        logger.info("no flight without Redis: %s", type(error).__name__)
        return None


async def _is_in_flight(key: str) -> bool:
    try:
        return bool(await loop_redis().exists(_flight(key)))
    except (RedisError, OSError):
        return False


async def _land(flight: Lock) -> None:
    try:
        # Its own only: another turn may have taken off when this one's time was over.
        await flight.release()
    except (RedisError, OSError):
        logger.info("a flight is left to its time limit")


def _flight(key: str) -> str:
    return f"{settings.REDIS_PREFIX}.flight.{key}"
