"""Carries a confirmed effect out: claimed once, run once, and never tried again.

What was begun and whose end is not known goes to a person; rows alone say so, whoever died.
"""

import logging
from datetime import timedelta

from django.db import Error, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from assistant.actions import Ready, check_ready, speaker
from assistant.claims import State as TurnState
from assistant.models import ToolCall
from assistant.queueing import void_turns
from assistant.services import hand_off
from assistant.tools.definitions import MAX_SECONDS
from assistant.tools.running import Outcome, refusal, run_tool
from conversations import services as record
from conversations.models import Conversation, Message
from core.background import in_database_thread
from core.errors import SupportError
from escalation.models import HandOff

logger = logging.getLogger(__name__)
State = ToolCall.State
Status = Conversation.Status
# Above the longest time-out of a tool: whoever works on it has ended it by then.
LOST_AFTER = timedelta(seconds=MAX_SECONDS * 2)
NOT_BEGUN_AFTER = timedelta(seconds=90)
POLL_AFTER = timedelta(seconds=2)
ASK_A_PERSON = "Talk to a person"
NOT_KNOWN = "It is not known yet whether this went through: {title} A person is looking into it."
LOST = Outcome(State.UNKNOWN, "", error_code="lost")
NOT_BEGUN = Outcome(
    State.FAILED, "", words="it could not be started in time.", error_code="not_started"
)


async def carry_out(call_pk: int) -> None:
    """Run a confirmed effect if nobody has begun it; a duplicate delivery ends here."""
    try:
        if not await in_database_thread(_begin)(call_pk):
            return
        ready = await in_database_thread(_prepare)(call_pk)
        if isinstance(ready, Ready):
            outcome = await run_tool(
                ready.tool,
                ready.arguments,
                caller=ready.caller,
                idempotency_key=await in_database_thread(_key)(call_pk),
                seconds=MAX_SECONDS,
            )
        else:
            outcome = ready
        await in_database_thread(end_action)(call_pk, outcome)
    except Error as error:
        # Begun or not, its row says so: the poll starts it, or the relay gives it to a person.
        logger.warning("action %s left to the relay: %s", call_pk, type(error).__name__)


def _begin(call_pk: int) -> bool:
    """Claim it: committed before the effect, so that no second worker ever begins it."""
    return bool(
        ToolCall.objects.filter(pk=call_pk, state=State.CONFIRMED).update(
            state=State.RUNNING, started_at=Now()
        )
    )


def _key(call_pk: int) -> str:
    return str(ToolCall.objects.values_list("public_id", flat=True).get(pk=call_pk))


@transaction.atomic
def _prepare(call_pk: int) -> Ready | Outcome:
    """Check again who it is for, and let the viewers see that it has begun."""
    call = ToolCall.objects.get(pk=call_pk)
    conversation = record.lock_conversation(call.conversation_id)
    record.bump_revision(conversation)
    try:
        return check_ready(call, conversation)
    except SupportError as error:
        return refusal(error.detail, code=error.code)


@transaction.atomic
def end_action(call_pk: int, outcome: Outcome, *, since: ToolCall.State = State.RUNNING) -> bool:
    """Store what came of an effect and say it; false where somebody has ended it before."""
    call = ToolCall.objects.get(pk=call_pk)
    conversation = record.lock_conversation(call.conversation_id)
    ended = ToolCall.objects.filter(pk=call_pk, state=since).update(
        state=outcome.state,
        error_code=outcome.error_code,
        duration_ms=outcome.duration_ms,
        sealed_arguments="",
        finished_at=Now(),
    )
    if not ended:
        return False
    if outcome.state == State.UNKNOWN:
        _give_to_person(conversation, call, outcome)
    else:
        _say(conversation, call, outcome)
    record.bump_revision(conversation)
    return True


def _say(conversation: Conversation, call: ToolCall, outcome: Outcome) -> None:
    author = speaker(conversation)
    is_own, is_done = author == Message.Author.ASSISTANT, outcome.state == State.DONE
    record.append_message(
        conversation,
        author_kind=author,
        text=_done_text(call, outcome) if is_done else _failed_text(outcome),
        suggestions=() if is_done or not is_own else (ASK_A_PERSON,),
        is_answer=is_own and is_done,
    )


def _done_text(call: ToolCall, outcome: Outcome) -> str:
    return outcome.words or f"Done: {title_of(call)}"


def _failed_text(outcome: Outcome) -> str:
    return f"That was not done: {outcome.words or 'something went wrong on our side.'}"


def title_of(call: ToolCall) -> str:
    """Return what was asked of the customer, as a statement."""
    return f"{str(call.card.get('title') or call.tool).rstrip('?.! ')}."


def _give_to_person(conversation: Conversation, call: ToolCall, outcome: Outcome) -> None:
    """Never tried again: a person finds out whether it happened."""
    detail = f"{call.tool} ({outcome.error_code}): {title_of(call)}"[:300]
    if conversation.status == Status.RESOLVED:
        record.reopen_conversation(conversation)
    if conversation.status == Status.AGENT:
        record.append_message(
            conversation,
            author_kind=Message.Author.SYSTEM,
            text=NOT_KNOWN.format(title=title_of(call)),
        )
        return
    void_turns(conversation, state=TurnState.CANCELLED, reason="withdrawn")
    hand_off(conversation, reason=HandOff.Reason.TOOL_FAILED, detail=detail)


def waiting_actions() -> QuerySet[ToolCall]:
    """Return the confirmed effects whose task seems lost."""
    return ToolCall.objects.filter(state=State.CONFIRMED, decided_at__lt=Now() - POLL_AFTER)


def lost_actions() -> QuerySet[ToolCall]:
    """Return the effects that were begun and whose worker fell silent."""
    return ToolCall.objects.filter(state=State.RUNNING, started_at__lt=Now() - LOST_AFTER)


def unbegun_actions() -> QuerySet[ToolCall]:
    """Return the confirmed effects that no worker has begun in time."""
    return ToolCall.objects.filter(state=State.CONFIRMED, decided_at__lt=Now() - NOT_BEGUN_AFTER)


def pks(calls: QuerySet[ToolCall], *, limit: int) -> list[int]:
    """Return the oldest of ``calls``."""
    return list(calls.order_by("created_at").values_list("pk", flat=True)[:limit])
