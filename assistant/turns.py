"""The order of a turn, on one screen: claim, read, compose, finish."""

import asyncio
import logging

from django.db import Error

from assistant import activity
from assistant.claims import Claim, claim_turn
from assistant.composing import compose
from assistant.dispatch import publish_summary
from assistant.drafts import Job
from assistant.finishing import fail_turn, finish_turn
from assistant.reading import read_turn
from core.background import in_database_thread
from llm.engines import has_small_model

logger = logging.getLogger(__name__)


async def run_turn(turn_pk: int) -> None:
    """Work on a turn if it is free; a duplicate delivery ends here without a trace."""
    try:
        claim = await in_database_thread(claim_turn)(turn_pk)
    except Error as error:
        # Still queued (or its lease runs out): the poll and the relay come back to it.
        logger.warning("turn %s not claimed: %s", turn_pk, type(error).__name__)
        return
    if claim is None:
        return
    with activity.working_on(claim):
        try:
            await _work(claim)
        except asyncio.CancelledError:
            # The lease was lost: somebody else has the turn, and the fence holds this one off.
            logger.info("turn %s: claim lost", turn_pk)
        except Error as error:
            # Nothing can be stored now; the lease runs out and the relay brings the turn back.
            logger.warning("turn %s: %s", turn_pk, type(error).__name__)
        except Exception as error:  # a task's edge
            logger.exception("turn %s failed", turn_pk)
            await _fail(claim, error)


async def _fail(claim: Claim, error: Exception) -> None:
    try:
        await in_database_thread(fail_turn)(
            claim.turn_pk, code=type(error).__name__, fence=claim.fence
        )
    except Error as away:
        logger.warning("turn %s not ended: %s", claim.turn_pk, type(away).__name__)


async def _work(claim: Claim) -> None:
    reading = await in_database_thread(read_turn)(claim)
    composed = await compose(reading, Job(seconds=claim.seconds_left, claim=claim))
    await in_database_thread(finish_turn)(claim, composed)
    if composed.draft.summary_due and has_small_model():
        tier = composed.draft.summary_due
        await asyncio.to_thread(publish_summary, claim.conversation_pk, tier=tier)
