"""The order of a turn, on one screen: claim, plan, write, finish."""

import asyncio
import logging

from django.db import Error

from assistant import activity
from assistant.budget import reserve_model_turn
from assistant.claims import Claim, claim_turn
from assistant.finishing import (
    fail_turn,
    finish_with_answer,
    finish_with_hand_off,
    finish_with_question,
    finish_with_words,
)
from assistant.planning import Answer, AskBack, PassOn, Say, plan_turn
from assistant.streaming import keep_partial
from assistant.writing import Draft, Writer
from core.background import in_database_thread
from escalation.models import HandOff
from llm.engines import moderate
from llm.types import ModerationVerdict

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
    plan = await plan_turn(claim)
    match plan:
        case AskBack():
            await in_database_thread(finish_with_question)(claim, plan)
        case Say():
            await in_database_thread(finish_with_words)(claim, plan.text)
        case PassOn():
            await in_database_thread(finish_with_hand_off)(
                claim, plan, draft=Draft(), judgement=plan.judgement
            )
        case Answer():
            await _answer(claim, plan)


async def _answer(claim: Claim, plan: Answer) -> None:
    # Beside the answer, not before it: the first word does not wait for a verdict.
    verdict = asyncio.create_task(moderate(plan.question))
    may_ask = await in_database_thread(reserve_model_turn)()
    writer = Writer(claim, plan, may_ask_model=may_ask)
    try:
        draft = await _write(writer)
        flagged = _flagged(await verdict)
    finally:
        verdict.cancel()
    pass_on = flagged or draft.pass_on
    if pass_on is None:
        await in_database_thread(finish_with_answer)(claim, draft, judgement=plan.judgement)
        return
    writer.preview.end("withdrawn")
    await in_database_thread(finish_with_hand_off)(
        claim, pass_on, draft=draft, judgement=plan.judgement
    )


def _flagged(verdict: ModerationVerdict | None) -> PassOn | None:
    if verdict is None or not verdict.flagged:
        return None
    return PassOn(reason=HandOff.Reason.FLAGGED, detail=", ".join(verdict.categories))


async def _write(writer: Writer) -> Draft:
    """Write with the preview saved each second beside it."""
    task: asyncio.Task[Draft] = asyncio.create_task(writer.write())
    keeper = asyncio.create_task(keep_partial(writer, owner=task))
    try:
        return await task
    finally:
        keeper.cancel()
        task.cancel()
