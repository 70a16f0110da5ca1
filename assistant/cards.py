"""Cards of effects as every viewer sees them: what was asked, and how far it has come."""

from collections.abc import Iterable
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


def cards_of(messages: Iterable[Message]) -> dict[int, CardView]:
    """Return the cards of ``messages`` by the messages' keys, in one query."""
    pks = [message.pk for message in messages]
    found = ToolCall.objects.filter(message_id__in=pks) if pks else ToolCall.objects.none()
    return {card.message_pk: card for card in map(view_card, found)}


def recent_cards(conversation: Conversation) -> list[CardView]:
    """Return the newest cards of a conversation, oldest first: their states may have changed."""
    found = ToolCall.objects.filter(conversation=conversation, message__isnull=False)
    return [view_card(call) for call in reversed(found.order_by("-pk")[:NEWEST])]


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
