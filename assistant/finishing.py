"""Ends turns: one short fenced transaction each, never a network call inside."""

from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from assistant.claims import Claim, State, mine
from assistant.guardrails import quote_of
from assistant.models import Turn
from assistant.planning import AskBack, Judgement, PassOn
from assistant.queueing import end_preview, publish_successor, void_turns
from assistant.services import hand_off
from assistant.writing import Draft
from conversations import services as record
from conversations.models import Conversation, Message
from escalation.models import HandOff
from llm.types import SourcePassage

Status = Conversation.Status
Outcome = Turn.Outcome
NOT_JUDGED = Judgement()
UNAVAILABLE_TEXT = (
    "I'm sorry, I could not answer in time. I'm passing you to a person from our team."
)


def _lock_if_mine(claim: Claim) -> Conversation | None:
    """Lock the conversation; ``None`` where the claim or the assistant's hold is gone."""
    conversation = record.lock_conversation(claim.conversation_pk)
    if not mine(claim).exists():
        return None
    if conversation.status != Status.ASSISTANT or conversation.holder_epoch != claim.holder_epoch:
        mine(claim).update(state=State.SUPERSEDED, finished_at=Now())
        return None
    return conversation


@transaction.atomic
def finish_with_answer(claim: Claim, draft: Draft, *, judgement: Judgement) -> bool:
    """Store the answer as the turn's message; false where the claim was lost."""
    conversation = _lock_if_mine(claim)
    if conversation is None:
        return False
    message = record.append_message(
        conversation,
        author_kind=Message.Author.ASSISTANT,
        text=draft.text,
        public_id=claim.public_id,
        citations=[_citation(passage) for passage in draft.citations],
        is_answer=True,
    )
    _close(claim, draft, outcome=Outcome.ANSWERED, message=message, judgement=judgement)
    publish_successor(conversation)
    return True


@transaction.atomic
def finish_with_words(claim: Claim, text: str) -> bool:
    """Store small talk as the turn's message; false where the claim was lost."""
    conversation = _lock_if_mine(claim)
    if conversation is None:
        return False
    message = record.append_message(
        conversation,
        author_kind=Message.Author.ASSISTANT,
        text=text,
        public_id=claim.public_id,
    )
    _close(claim, Draft(), outcome=Outcome.ANSWERED, message=message)
    publish_successor(conversation)
    return True


@transaction.atomic
def finish_with_question(claim: Claim, plan: AskBack) -> bool:
    """Store what the customer is asked as the turn's message; false where the claim was lost.

    It is no answer: it can't be rated, and a hand-back still owes one.
    """
    conversation = _lock_if_mine(claim)
    if conversation is None:
        return False
    message = record.append_message(
        conversation,
        author_kind=Message.Author.ASSISTANT,
        text=plan.text,
        public_id=claim.public_id,
        suggestions=plan.suggestions,
    )
    _close(claim, Draft(), outcome=Outcome.ASKED_BACK, message=message, judgement=plan.judgement)
    publish_successor(conversation)
    return True


@transaction.atomic
def finish_with_hand_off(
    claim: Claim, pass_on: PassOn, *, draft: Draft, judgement: Judgement
) -> bool:
    """Hand the conversation to people as the turn's end; false where the claim was lost."""
    conversation = _lock_if_mine(claim)
    if conversation is None:
        return False
    message = hand_off(
        conversation,
        reason=pass_on.reason,
        detail=pass_on.detail,
        urgency=pass_on.urgency,
        customer_text=pass_on.customer_text,
        message_id=claim.public_id,
    )
    mine(claim).update(hand_off_reason=pass_on.reason)
    _close(claim, draft, outcome=Outcome.HANDED_OFF, message=message, judgement=judgement)
    # What was asked meanwhile goes to the person too.
    void_turns(conversation, state=State.CANCELLED, reason="withdrawn")
    return True


def _citation(passage: SourcePassage) -> dict[str, str]:
    return {"title": passage.title, "url": passage.url, "quote": quote_of(passage)}


def _close(
    claim: Claim,
    draft: Draft,
    *,
    outcome: Turn.Outcome,
    message: Message,
    judgement: Judgement = NOT_JUDGED,
) -> None:
    usage = draft.usage
    mine(claim).update(
        state=State.DONE,
        outcome=outcome,
        message=message,
        confidence=judgement.confidence,
        features=dict(judgement.features),
        topic=judgement.topic,
        engine=draft.engine,
        model=usage.model if usage else "",
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
        cached_tokens=usage.cached_tokens if usage else 0,
        error_code=draft.error_code,
        partial_text="",
        finished_at=Now(),
    )


@transaction.atomic
def fail_turn(turn_pk: int, *, code: str, fence: int | None = None) -> bool:
    """End an open turn with an honest text and a hand-off; harmless when it has ended.

    A worker gives its ``fence`` and ends only what is still its own; the relay gives none: it
    has the last word on a turn past its deadline, whoever is working on it.
    """
    found = Turn.objects.filter(pk=turn_pk).values_list("conversation_id", flat=True).first()
    if found is None:
        return False
    conversation = record.lock_conversation(found)
    still_open = Turn.objects.filter(pk=turn_pk, state__in=[State.QUEUED, State.RUNNING])
    if fence is not None:
        still_open = still_open.filter(fence=fence)
    turn = still_open.first()
    if turn is None:
        return False
    if turn.state == State.RUNNING:
        end_preview(turn, reason="withdrawn")
    still_open.update(
        state=State.FAILED,
        error_code=code,
        fence=F("fence") + 1,
        outcome=Outcome.HANDED_OFF,
        hand_off_reason=HandOff.Reason.MODEL_UNAVAILABLE,
        finished_at=Now(),
    )
    if conversation.status == Status.ASSISTANT:
        hand_off(
            conversation,
            reason=HandOff.Reason.MODEL_UNAVAILABLE,
            detail=code,
            customer_text=UNAVAILABLE_TEXT,
        )
        void_turns(conversation, state=State.CANCELLED, reason="withdrawn")
    return True


def link_hosts(conversation: Conversation, message: Message) -> set[str]:
    """Return the hosts that a message's links may lead to: its sources' and the site's own."""
    cited = {urlsplit(one.get("url", "")).hostname or "" for one in message.citations}
    return {host for host in cited | set(conversation.site.link_hosts) if host}
