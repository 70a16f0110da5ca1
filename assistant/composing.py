"""Composes what a turn says, from reading to draft; nothing is stored or sent but previews.

Evaluations and trials go the same way as a customer's turn.
"""

import asyncio
from dataclasses import replace

from assistant.budget import reserve_model_turn
from assistant.confidence import confidence_of, threshold_of, with_doubts
from assistant.drafts import Composed, Draft, Job
from assistant.planning import Answer, Judgement, PassOn, Say, plan_turn
from assistant.preparing import prepare
from assistant.reading import Reading
from assistant.recording import Recorder, describe_draft, describe_plan, describe_prompt
from assistant.streaming import keep_partial
from assistant.writing import Writer
from core.background import in_database_thread
from escalation.models import HandOff
from llm.engines import moderate
from llm.types import ModerationVerdict

Reason = HandOff.Reason


async def compose(reading: Reading, job: Job) -> Composed:
    """Return what to say to the customer, with the record of how it came about."""
    recorder = Recorder()
    with recorder.step("plan"):
        plan = await plan_turn(reading)
    if isinstance(plan, Answer):
        draft, judgement = await _answer(plan, job, recorder)
    else:
        draft, judgement = Draft(), Judgement() if isinstance(plan, Say) else plan.judgement
    return Composed(plan, draft, judgement, recorder.data())


async def _answer(plan: Answer, job: Job, recorder: Recorder) -> tuple[Draft, Judgement]:
    may_ask = await in_database_thread(reserve_model_turn)()
    with recorder.step("prepare"):
        prepared = await in_database_thread(prepare)(plan, job)
    redact = prepared.redactor.redact
    recorder.note(**describe_plan(plan, redact=redact), **describe_prompt(prepared.context))
    # Beside the answer, not before it: the first word does not wait for a verdict.
    verdict = asyncio.create_task(moderate(redact(plan.question)))
    writer = Writer(plan, job, prepared=prepared, may_ask_model=may_ask, recorder=recorder)
    try:
        draft = await _write(writer, job)
        judgement, doubted = await in_database_thread(_judge_again)(plan, draft)
        draft = writer.flag(draft, doubted)
        with recorder.step("moderation, beyond the answer"):
            found = await verdict
        draft = writer.flag(draft, _flagged(found))
    finally:
        verdict.cancel()
    recorder.note(**describe_draft(draft, moderation=found, redact=redact))
    return draft, judgement


def _judge_again(plan: Answer, draft: Draft) -> tuple[Judgement, PassOn | None]:
    """Judge what a model wrote by its own doubts too; too little confidence goes to people."""
    site, before = plan.conversation.site, plan.judgement
    if not before.features or not draft.text or draft.card is not None:
        return before, None
    features = with_doubts(
        before.features,
        self_confidence=draft.verdict.confidence if draft.verdict else None,
        groundedness=draft.groundedness,
        mean_logprob=draft.mean_logprob,
    )
    after = replace(before, features=features, confidence=confidence_of(site, features))
    is_sure = (after.confidence or 0.0) >= threshold_of(site, topic=after.topic)
    doubt = PassOn(Reason.LOW_CONFIDENCE, detail="The assistant was not sure of its own answer")
    # Retrieval alone was sure enough, or nothing would have been written.
    return after, None if is_sure or features == before.features else doubt


def _flagged(verdict: ModerationVerdict | None) -> PassOn | None:
    if verdict is None or not verdict.flagged:
        return None
    return PassOn(reason=Reason.FLAGGED, detail=", ".join(verdict.categories))


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
