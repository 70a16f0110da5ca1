"""Composes what a turn says, from reading to draft; nothing is stored or sent but previews.

Evaluations and trials go the same way as a customer's turn.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db import Error

from assistant.cache import draft_of, find_cached, remember, single_flight
from assistant.confidence import confidence_of, threshold_of, with_doubts
from assistant.drafts import Composed, Draft, Job
from assistant.input_checks import pass_on_by_verdict
from assistant.memory import redactor_of
from assistant.models import CachedAnswer
from assistant.planning import Answer, AskBack, Judgement, PassOn, Plan, Say, plan_turn
from assistant.preparing import Prepared, granted, prepare
from assistant.reading import Reading
from assistant.recording import Recorder, describe_choice, describe_draft, describe_plan
from assistant.safekeeping import saving
from assistant.spending import Spending, book
from assistant.streaming import Preview
from assistant.writing import Writer
from core.background import in_database_thread
from escalation.models import HandOff
from escalation.selectors import active_rules
from llm.engines import moderate
from llm.pricing import total_cost
from llm.types import ModerationVerdict

logger = logging.getLogger(__name__)
Reason = HandOff.Reason
# What a model says of its own ignorance; the plan knows better what to do then.
UNSURE = {Reason.LOW_CONFIDENCE, Reason.MODEL_UNAVAILABLE}


async def compose(reading: Reading, job: Job) -> Composed:
    """Return what to say to the customer, with the record of how it came about."""
    recorder = Recorder()
    with recorder.step("plan"):
        plan = await plan_turn(reading, turn_pk=job.claim.turn_pk if job.claim else None)
    if isinstance(plan, Answer):
        draft, judgement = await _answer(plan, job, recorder)
        plan, draft, judgement = _settled(plan, draft, judgement)
    else:
        draft, judgement = Draft(), Judgement() if isinstance(plan, Say) else plan.judgement
        recorder.note(**await in_database_thread(_described)(reading, judgement))
    return Composed(plan, draft, judgement, recorder.data())


def _described(reading: Reading, judgement: Judgement) -> dict[str, Any]:
    redact = redactor_of(reading.conversation).redact
    return describe_plan(judgement, question=reading.question, redact=redact)


def _settled(plan: Answer, draft: Draft, judgement: Judgement) -> tuple[Plan, Draft, Judgement]:
    """Return what it comes to: the draft, a question, or what is done when no tool knew more."""
    unsaid = replace(draft, text="", citations=())
    if draft.asks and draft.pass_on is None:
        return AskBack(draft.text, judgement=plan.judgement), unsaid, plan.judgement
    if plan.otherwise is None:
        return plan, draft, judgement
    if draft.by_tool:
        # Of the search nothing is to be learnt from what a tool said.
        return plan, draft, replace(judgement, features={})
    if draft.pass_on is not None and draft.pass_on.reason not in UNSURE:
        return plan, draft, judgement
    return plan.otherwise, replace(unsaid, pass_on=None), plan.judgement


async def _answer(plan: Answer, job: Job, recorder: Recorder) -> tuple[Draft, Judgement]:
    """Return an answer that was given before, else write one, within the budget."""
    with recorder.step("prepare"):
        prepared = await in_database_thread(_prepared)(plan, job)
    if not prepared.cache_key:
        return await _settled_after(plan, job, recorder, prepared=prepared)
    # Who waits for another one's answer holds no budget meanwhile.
    is_begun_anew = job.claim is not None and job.claim.attempt > 1
    async with single_flight(prepared.cache_key, waits=not is_begun_anew) as others:
        with recorder.step("kept answer, prompt and budget"):
            found = others or await in_database_thread(_kept_or_granted)(plan, job, prepared)
        if isinstance(found, Prepared):
            return await _settled_after(plan, job, recorder, prepared=found)
        _note_plan(plan, recorder, prepared=prepared)
        recorder.note(given_again={"kept": found.pk, "since": found.created_at.isoformat()})
        return _give_again(found, plan, job)


def _note_plan(plan: Answer, recorder: Recorder, *, prepared: Prepared) -> None:
    redact = prepared.redactor.redact
    recorder.note(**describe_plan(plan.judgement, question=plan.question, redact=redact))


def _prepared(plan: Answer, job: Job) -> Prepared:
    """Prepare, and where nobody else may be writing the same answer reserve for it at once."""
    prepared = prepare(plan, job)
    return prepared if prepared.cache_key else granted(plan, job, prepared)


def _kept_or_granted(plan: Answer, job: Job, prepared: Prepared) -> CachedAnswer | Prepared:
    """Return the answer that may be given again, else what a new one is written with."""
    return find_cached(prepared.cache_key) or granted(plan, job, prepared)


async def _settled_after(
    plan: Answer, job: Job, recorder: Recorder, *, prepared: Prepared
) -> tuple[Draft, Judgement]:
    """Write the answer, and settle what was reserved for it however that ends."""
    spent = Spending(prepared.grant)
    try:
        _note_plan(plan, recorder, prepared=prepared)
        recorder.note(**describe_choice(prepared))
        if plan.otherwise is not None and not prepared.may_call_tools:
            return Draft(), plan.judgement
        return await _write_answer(plan, job, recorder, prepared=prepared, spent=spent)
    finally:
        await book(spent)


def _give_again(cached: CachedAnswer, plan: Answer, job: Job) -> tuple[Draft, Judgement]:
    """Show a kept answer at once, whole."""
    draft = draft_of(cached)
    Preview(job.claim, attempt=job.claim.attempt * 10 if job.claim else 0).add(draft.text)
    return draft, plan.judgement


async def _write_answer(
    plan: Answer, job: Job, recorder: Recorder, *, prepared: Prepared, spent: Spending
) -> tuple[Draft, Judgement]:
    redact = prepared.redactor.redact
    # Beside the answer, not before it: the first word does not wait for a verdict.
    verdict = asyncio.create_task(moderate(redact(plan.question)))
    writer = Writer(plan, job, prepared=prepared, recorder=recorder, usages=spent.usages)
    try:
        draft = await _write(writer, job)
        with recorder.step("moderation, beyond the answer"):
            found = await verdict
        end = await in_database_thread(_conclude)(plan, prepared, draft, found, spent)
    finally:
        verdict.cancel()
    draft = replace(writer.flag(draft, end.pass_on), cost=end.cost, kept_pk=end.kept_pk)
    recorder.note(**describe_draft(draft, moderation=found, redact=redact))
    return draft, end.judgement


@dataclass(frozen=True, slots=True)
class _Conclusion:
    """What is thought of an answer once it is written, and what it cost (US dollars)."""

    judgement: Judgement
    pass_on: PassOn | None
    cost: Decimal | None
    kept_pk: int | None = None


def _conclude(
    plan: Answer,
    prepared: Prepared,
    draft: Draft,
    found: ModerationVerdict | None,
    spent: Spending,
) -> _Conclusion:
    """Judge what was written, keep it for others, and settle: in one visit to the database."""
    judgement, doubted = _doubted(plan, draft)
    end = _Conclusion(judgement, doubted or _flagged(plan, found), total_cost(draft.usages))
    if end.pass_on is not None:
        # What is shown of it is to go at once; it is settled after that.
        return end
    if _may_be_kept(prepared, draft):
        draft = replace(draft, cost=end.cost)
        end = replace(end, kept_pk=_kept(plan, prepared, draft, judgement))
    spent.settle()
    return end


def _may_be_kept(prepared: Prepared, draft: Draft) -> bool:
    """Whether whoever asks the same next may be given the answer: nothing was wrong with it."""
    is_flawed = draft.pass_on or draft.card or draft.error_code or prepared.toolbox.was_used
    is_answer = draft.text and not draft.asks and not is_flawed
    return bool(prepared.cache_key and prepared.asks_model and is_answer)


def _kept(plan: Answer, prepared: Prepared, draft: Draft, judgement: Judgement) -> int | None:
    """Keep an answer for whoever asks the same next; return its pk."""
    confidence = judgement.confidence or 0.0
    try:
        return remember(prepared.cache_key, plan, draft, confidence=confidence)
    except Error as error:
        # Whoever asks next has it written anew; this customer's answer must not be lost for it.
        logger.warning("an answer was not kept: %s", type(error).__name__)
        return None


def _doubted(plan: Answer, draft: Draft) -> tuple[Judgement, PassOn | None]:
    """Judge what a model wrote by its own doubts too; too little confidence goes to people."""
    site, before = plan.conversation.site, plan.judgement
    is_by_search = plan.otherwise is None and draft.card is None and not draft.asks
    if not before.features or not draft.text or not is_by_search:
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


def _flagged(plan: Answer, verdict: ModerationVerdict | None) -> PassOn | None:
    if verdict is None or not verdict.flagged:
        return None
    return pass_on_by_verdict(verdict, active_rules(plan.conversation.site.pk))


async def _write(writer: Writer, job: Job) -> Draft:
    """Write with the preview saved each second beside it."""
    if job.claim is None:
        return await writer.write()
    with saving(writer, claim=job.claim):
        return await writer.write()
