"""Effects of tools: proposed in a turn, decided by the customer's click, each done once at most.

The rows say how far each has come; what runs one is in ``assistant.carrying_out``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from pydantic import BaseModel, ValidationError

from assistant.dispatch import publish_action_on_commit
from assistant.models import ToolCall
from assistant.tools.caller import Caller, caller_of
from assistant.tools.definitions import Card, Tool
from assistant.tools.rows import Redact, redacted
from assistant.tools.selection import find_tool
from conversations import services as record
from conversations.models import Conversation, Message
from core.encryption import decrypt, encrypt
from core.errors import Forbidden, NotFound

State = ToolCall.State
Status = Conversation.Status
OPEN_FOR = timedelta(minutes=10)
ASK = "Please confirm this or cancel it. Nothing happens before you confirm."
LEFT_UNDONE = "All right, I have left everything as it is."
SIGN_IN_AGAIN = "Please sign in on our website again, then confirm."
CHANGED = "This works differently since you were asked. Nothing was done. Please ask me again."


@dataclass(frozen=True, slots=True)
class Proposal:
    """A stored effect that waits for its message; ``text`` says it to clients without cards."""

    call_pk: int
    text: str


@dataclass(frozen=True, slots=True)
class Ready:
    """An effect that may run for this caller now."""

    tool: Tool
    arguments: BaseModel
    caller: Caller


def propose(
    tool: Tool,
    arguments: BaseModel,
    card: Card,
    *,
    caller: Caller,
    conversation_pk: int,
    turn_pk: int | None,
    redact: Redact,
) -> Proposal:
    """Store an effect and its key; it shows, and can be decided, once a message has its card."""
    values = arguments.model_dump(mode="json")
    sealed = {
        "arguments": values,
        "verified": caller.is_verified,
        "customer": caller.external_id,
        "definition": tool.definition,
    }
    call = ToolCall.objects.create(
        conversation_id=conversation_pk,
        turn_id=turn_pk,
        tool=tool.name,
        effect=tool.effect,
        state=State.PROPOSED,
        arguments=redacted(values, redact=redact),
        sealed_arguments=encrypt(json.dumps(sealed)),
        card={"title": card.title, "lines": list(card.lines)},
        expires_at=Now() + OPEN_FOR,
    )
    lines = "".join(f"\n- {line}" for line in card.lines)
    return Proposal(call.pk, f"{card.title}\n{lines}\n\n{ASK}")


def show_card(call_pk: int, *, conversation: Conversation, message: Message) -> None:
    """Give a proposal its message, in the transaction that stores it; older ones are void."""
    older = ToolCall.objects.filter(conversation=conversation, state=State.PROPOSED)
    void = {"state": State.EXPIRED, "sealed_arguments": "", "finished_at": Now()}
    if older.exclude(pk=call_pk).update(**void):
        # Whoever shows one is to look again: its buttons do nothing any more.
        record.bump_revision(conversation)
    ToolCall.objects.filter(pk=call_pk, conversation=conversation).update(message=message)


@transaction.atomic
def decide(conversation_pk: int, *, call_id: UUID, accept: bool) -> ToolCall:
    """Confirm or cancel an effect on the customer's click; return it as it stands then.

    Idempotent: what was decided or has expired stays as it is. Raises ``NotFound`` for what is
    not this conversation's, and ``Forbidden`` where the customer may not do it now.
    """
    conversation = record.lock_conversation(conversation_pk)
    call = _shown(conversation).filter(public_id=call_id).first()
    if call is None:
        raise NotFound("There is nothing to confirm.")
    if call.state == State.PROPOSED and not _expire_if_over(call, conversation):
        if accept:
            check_ready(call, conversation)
            _confirm(call, conversation)
        else:
            _cancel(call, conversation)
    call.refresh_from_db()
    return call


def _shown(conversation: Conversation) -> QuerySet[ToolCall]:
    return ToolCall.objects.filter(conversation=conversation, message__isnull=False)


def _expire_if_over(call: ToolCall, conversation: Conversation) -> bool:
    """End a proposal whose time, or whose conversation, is over; the clock is the database's."""
    open_now = ToolCall.objects.filter(pk=call.pk, expires_at__gt=Now())
    if conversation.status != Status.RESOLVED and open_now.exists():
        return False
    _end_proposal(call.pk, State.EXPIRED)
    record.bump_revision(conversation)
    return True


def _end_proposal(pk: int, state: ToolCall.State) -> bool:
    return bool(
        ToolCall.objects.filter(pk=pk, state=State.PROPOSED).update(
            state=state, decided_at=Now(), finished_at=Now(), sealed_arguments=""
        )
    )


def _confirm(call: ToolCall, conversation: Conversation) -> None:
    confirmed = ToolCall.objects.filter(
        pk=call.pk, state=State.PROPOSED, expires_at__gt=Now()
    ).update(state=State.CONFIRMED, decided_at=Now())
    if confirmed:
        record.bump_revision(conversation)
        publish_action_on_commit(call.pk)


def _cancel(call: ToolCall, conversation: Conversation) -> None:
    if _end_proposal(call.pk, State.CANCELLED):
        record.append_message(conversation, author_kind=speaker(conversation), text=LEFT_UNDONE)
        record.bump_revision(conversation)


def speaker(conversation: Conversation) -> Message.Author:
    """Return who says what became of an effect: the assistant never speaks over a person."""
    is_its_own = conversation.status == Status.ASSISTANT
    return Message.Author.ASSISTANT if is_its_own else Message.Author.SYSTEM


def check_ready(call: ToolCall, conversation: Conversation) -> Ready:
    """Return what a decided effect needs to run; raise ``Forbidden`` unless it still may.

    The customer must be the one it was prepared for, by the identity that holds now, and the
    tool the one that the card described.
    """
    caller = caller_of(conversation)
    sealed: Mapping[str, Any] = json.loads(decrypt(call.sealed_arguments))
    if sealed["verified"] and not caller.is_verified:
        raise Forbidden(SIGN_IN_AGAIN)
    if sealed["customer"] != caller.external_id:
        raise Forbidden("This was prepared before you signed in. Please ask me again.")
    tool = find_tool(conversation.site, call.tool, caller=caller)
    if tool is None or not tool.is_write:
        raise Forbidden("This can't be done here any more. Please ask me again.")
    if tool.definition != sealed.get("definition"):
        raise Forbidden(CHANGED)
    try:
        arguments = tool.arguments.model_validate(sealed["arguments"])
    except ValidationError:
        raise Forbidden("This can't be done in this way any more. Please ask me again.") from None
    return Ready(tool, arguments, caller)


def expired_proposals() -> QuerySet[ToolCall]:
    """Return the proposals whose time is over."""
    return ToolCall.objects.filter(state=State.PROPOSED, expires_at__lte=Now())


@transaction.atomic
def expire_proposal(call_pk: int) -> bool:
    """End a proposal that nobody decided in time, and let every viewer see it."""
    conversation_pk = (
        ToolCall.objects.filter(pk=call_pk).values_list("conversation_id", flat=True).get()
    )
    conversation = record.lock_conversation(conversation_pk)
    if not expired_proposals().filter(pk=call_pk).exists():
        return False
    if _end_proposal(call_pk, State.EXPIRED):
        record.bump_revision(conversation)
    return True
