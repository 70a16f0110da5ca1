"""Composes what a turn says, from reading to draft; nothing is stored or sent but previews.

Evaluations and trials go the same way as a customer's turn.
"""

import asyncio

from assistant.budget import reserve_model_turn
from assistant.drafts import Composed, Draft, Job
from assistant.planning import Answer, PassOn, plan_turn
from assistant.preparing import prepare
from assistant.reading import Reading
from assistant.recording import Recorder
from assistant.streaming import keep_partial
from assistant.writing import Writer
from core.background import in_database_thread
from escalation.models import HandOff
from llm.engines import moderate
from llm.types import ModerationVerdict


async def compose(reading: Reading, job: Job) -> Composed:
    """Return what to say to the customer, with the record of how it came about."""
    recorder = Recorder()
    with recorder.step("plan"):
        plan = await plan_turn(reading)
    draft = await _answer(plan, job, recorder) if isinstance(plan, Answer) else Draft()
    return Composed(plan, draft, recorder.data())


async def _answer(plan: Answer, job: Job, recorder: Recorder) -> Draft:
    # Beside the answer, not before it: the first word does not wait for a verdict.
    verdict = asyncio.create_task(moderate(plan.question))
    may_ask = await in_database_thread(reserve_model_turn)()
    with recorder.step("prepare"):
        prepared = await in_database_thread(prepare)(plan, job)
    writer = Writer(plan, job, prepared=prepared, may_ask_model=may_ask, recorder=recorder)
    try:
        draft = await _write(writer, job)
        return writer.flag(draft, _flagged(await verdict))
    finally:
        verdict.cancel()


def _flagged(verdict: ModerationVerdict | None) -> PassOn | None:
    if verdict is None or not verdict.flagged:
        return None
    return PassOn(reason=HandOff.Reason.FLAGGED, detail=", ".join(verdict.categories))


async def _write(writer: Writer, job: Job) -> Draft:
    """Write with the preview saved each second beside it."""
    if job.claim is None:
        return await writer.write()
    task: asyncio.Task[Draft] = asyncio.create_task(writer.write())
    keeper = asyncio.create_task(keep_partial(writer, claim=job.claim, owner=task))
    try:
        return await task
    finally:
        keeper.cancel()
        task.cancel()
