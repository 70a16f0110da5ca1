"""Cards of effects as every viewer sees them: what was asked, and how far it has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from assistant.models import ToolCall
from conversations.models import Conversation, Message

State = ToolCall.State
NEWEST = 20
# What the wire says of a state; the record knows more.
SHOWN_AS = {
    State.PROPOSED: "proposed",
    State.CONFIRMED: "confirmed",
    State.RUNNING: "working",
    State.DONE: "done",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
    State.FAILED: "failed",
    State.REFUSED: "failed",
    State.UNKNOWN: "unknown",
}


@dataclass(frozen=True, slots=True)
class CardView:
    """A card in a message."""

    message_pk: int
    call: UUID
    title: str
    lines: tuple[str, ...]
    state: str
    expires_at: datetime | None


def read_cards(conversation: Conversation, messages: Sequence[Message]) -> list[CardView]:
    """Return the newest cards of a conversation and those of ``messages``, oldest first.

    The newest may have changed their states since they were shown. Read the messages before.
    """
    shown = ToolCall.objects.filter(conversation=conversation, message__isnull=False)
    found = list(shown.order_by("-pk")[:NEWEST])
    if messages and len(found) == NEWEST:
        pks = [message.pk for message in messages]
        older = shown.filter(message_id__in=pks, pk__lt=found[-1].pk)
        found += older.order_by("-pk")
    return [view_card(call) for call in reversed(found)]


def view_card(call: ToolCall) -> CardView:
    """Return a call as its card."""
    return CardView(
        message_pk=call.message_id or 0,
        call=call.public_id,
        title=str(call.card.get("title", "")),
        lines=tuple(map(str, call.card.get("lines", []))),
        state=SHOWN_AS[State(call.state)],
        expires_at=call.expires_at,
    )
