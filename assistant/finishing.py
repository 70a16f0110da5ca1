"""Ends turns: one short fenced transaction each, never a network call inside."""

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from psycopg.types.json import Jsonb

from assistant.actions import show_card
from assistant.claims import Claim, State, is_held, mine
from assistant.drafts import Composed, Draft
from assistant.models import Turn
from assistant.planning import Answer, AskBack, PassOn, Say
from assistant.queueing import end_preview, publish_successor, void_turns
from assistant.services import hand_off
from conversations import services as record
from conversations.models import Conversation, Message
from escalation.models import HandOff

Status = Conversation.Status
Outcome = Turn.Outcome
OUTCOMES = {
    Answer: Outcome.ANSWERED,
    AskBack: Outcome.ASKED_BACK,
    PassOn: Outcome.HANDED_OFF,
    Say: Outcome.ANSWERED,
}
UNAVAILABLE_TEXT = (
    "I'm sorry, I could not answer in time. I'm passing you to a person from our team."
)


def _lock_if_mine(claim: Claim) -> Conversation | None:
    """Lock the conversation; ``None`` where the claim or the assistant's hold is gone."""
    conversation = record.lock_conversation(claim.conversation_pk)
    if not is_held(claim):
        return None
    if conversation.status != Status.ASSISTANT or conversation.holder_epoch != claim.holder_epoch:
        mine(claim).update(state=State.SUPERSEDED, finished_at=Now())
        return None
    return conversation


@transaction.atomic
def finish_turn(claim: Claim, composed: Composed) -> bool:
    """Store what a turn came to, as its message; false where the claim was lost."""
    conversation = _lock_if_mine(claim)
    if conversation is None:
        return False
    decision = composed.decision
    if isinstance(decision, PassOn):
        message = _pass_on(claim, conversation, decision)
    else:
        message = _say(claim, conversation, composed)
    _close(claim, composed, message=message)
    if isinstance(decision, PassOn):
        # What was asked meanwhile goes to the person too.
        void_turns(conversation, state=State.CANCELLED, reason="withdrawn")
    else:
        publish_successor(conversation)
    return True


def _pass_on(claim: Claim, conversation: Conversation, decision: PassOn) -> Message:
    return hand_off(
        conversation,
        reason=decision.reason,
        detail=decision.detail,
        urgency=decision.urgency,
        customer_text=decision.customer_text,
        message_id=claim.public_id,
    )


def _say(claim: Claim, conversation: Conversation, composed: Composed) -> Message:
    """Store the assistant's words; only an answer can be rated, and is owed after a hand-back."""
    decision, draft = composed.decision, composed.draft
    words = decision.text if isinstance(decision, AskBack | Say) else draft.text
    message = record.append_message(
        conversation,
        author_kind=Message.Author.ASSISTANT,
        text=words,
        public_id=claim.public_id,
        citations=[dict[str, str](**citation) for citation in draft.citations],
        suggestions=decision.suggestions if isinstance(decision, AskBack) else (),
        is_answer=isinstance(decision, Answer) and draft.card is None,
    )
    if draft.card is not None:
        show_card(draft.card, conversation=conversation, message=message)
    return message


def _close(claim: Claim, composed: Composed, *, message: Message) -> None:
    """Store what the turn came to, its record, and where a kept answer was first shown.

    What is thumbed down there is not given again.
    """
    decision, draft, judgement = composed.decision, composed.draft, composed.judgement
    columns = {
        "state": State.DONE,
        "outcome": Outcome.ASKED_BACK if draft.card else OUTCOMES[type(decision)],
        "hand_off_reason": decision.reason if isinstance(decision, PassOn) else "",
        "message_id": message.pk,
        "confidence": judgement.confidence,
        "features": Jsonb(dict(judgement.features)),
        "topic": judgement.topic,
        "partial_text": "",
        **_columns(draft),
    }
    values = {
        **columns,
        "turn": claim.turn_pk,
        "fence": claim.fence,
        "record": Jsonb(composed.record),
        "now": timezone.now(),
        "kept": draft.kept_pk,
    }
    with connection.cursor() as cursor:
        cursor.execute(_closing(tuple(columns)), values)


# An attempt that died may have left a record of its own.
CLOSING = """
WITH closed AS (
    UPDATE assistant_turn SET {columns}, finished_at = statement_timestamp()
    WHERE id = %(turn)s AND fence = %(fence)s AND state = 'running'
    RETURNING id, message_id
), shown AS (
    UPDATE assistant_cachedanswer SET source_message_id = closed.message_id
    FROM closed WHERE assistant_cachedanswer.id = %(kept)s
)
INSERT INTO assistant_turnrecord (turn_id, data, created_at)
SELECT id, %(record)s, %(now)s FROM closed
ON CONFLICT (turn_id) DO UPDATE SET data = EXCLUDED.data
"""


@lru_cache(maxsize=1)
def _closing(columns: tuple[str, ...]) -> str:
    return CLOSING.format(columns=", ".join(f"{name} = %({name})s" for name in columns))


def _columns(draft: Draft) -> dict[str, Any]:
    """Return what a draft says of its making, as columns of the turn."""
    return {
        "tier": draft.tier,
        "tier_reason": draft.tier_reason[:200],
        "prompt_version": draft.prompt_version,
        "engine": draft.engine,
        "model": draft.model,
        "prompt_tokens": sum(usage.prompt_tokens for usage in draft.usages),
        "completion_tokens": sum(usage.completion_tokens for usage in draft.usages),
        "cached_tokens": sum(usage.cached_tokens for usage in draft.usages),
        "cost": draft.cost,
        "self_confidence": draft.verdict.confidence if draft.verdict else None,
        "groundedness": draft.groundedness,
        "mean_logprob": draft.mean_logprob,
        "cached_answer_id": draft.cached_answer_pk,
        "error_code": draft.error_code,
    }


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
        message = hand_off(
            conversation,
            reason=HandOff.Reason.MODEL_UNAVAILABLE,
            detail=code,
            customer_text=UNAVAILABLE_TEXT,
            message_id=turn.public_id,
        )
        Turn.objects.filter(pk=turn_pk).update(message=message)
        void_turns(conversation, state=State.CANCELLED, reason="withdrawn")
    return True


def link_hosts(conversation: Conversation, message: Message) -> set[str] | None:
    """Return the hosts that a message's links may lead to, ``None`` for any.

    The assistant's lead to its sources and the site's own; an agent knows where theirs lead.
    """
    if message.author_kind == Message.Author.AGENT:
        return None
    cited = {urlsplit(one.get("url", "")).hostname or "" for one in message.citations}
    return {host for host in cited | set(conversation.site.link_hosts) if host}
