"""The wire protocol: frames to dataclasses and rows to frames; nothing here does I/O."""

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    TypeAdapter,
    ValidationError,
)

from assistant.cards import CardView
from assistant.finishing import link_hosts
from conversations.models import Conversation, Message
from core.errors import SupportError
from core.markup import render_markdown, render_plain

MAX_FRAME_BYTES = 65_536


class BadFrame(SupportError):
    """A frame that is not what the protocol says."""

    code = "bad_frame"
    detail = "That frame is not understood."


class _Frame(BaseModel):
    # Unknown fields are ignored: a newer client may say more than this server knows.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Hello(_Frame):
    """Authenticate and resume."""

    type: Literal["hello"]
    token: str = Field(max_length=200)
    after: StrictInt = Field(default=0, ge=0, le=2_000_000_000)


class Say(_Frame):
    """Say something; stored once by ``client_id``."""

    type: Literal["message"]
    client_id: UUID
    text: str


class Typing(_Frame):
    """Typing indicator."""

    type: Literal["typing"]
    on: StrictBool


class Read(_Frame):
    """Everything up to ``seq`` was seen."""

    type: Literal["read"]
    seq: StrictInt = Field(ge=0, le=2_000_000_000)


class Stop(_Frame):
    """Stop the answer that is being written."""

    type: Literal["stop"]


class AskForPerson(_Frame):
    """Ask for a person."""

    type: Literal["handoff"]
    reason: str | None = Field(default=None, max_length=300)


class ResumeAssistant(_Frame):
    """Let the assistant help while no person is there; the place in the queue is kept."""

    type: Literal["resume_assistant"]


class Feedback(_Frame):
    """Thumb up or down for one answer."""

    type: Literal["feedback"]
    message: UUID
    helpful: StrictBool


class Rate(_Frame):
    """CSAT."""

    type: Literal["rate"]
    score: StrictInt
    comment: str | None = None


class Contact(_Frame):
    """Leave an e-mail while nobody is at the desk."""

    type: Literal["contact"]
    email: str = Field(max_length=254)


class Confirm(_Frame):
    """Decide what a card asks; again is harmless."""

    type: Literal["confirm"]
    call: UUID
    accept: StrictBool


class End(_Frame):
    """The customer ends the conversation."""

    type: Literal["end"]


class Ping(_Frame):
    """Answered by ``pong``."""

    type: Literal["ping"]


Frame = (
    Hello | Say | Typing | Read | Stop | AskForPerson | ResumeAssistant | Feedback | Rate
    | Contact | Confirm | End | Ping
)  # fmt: skip
_adapter: TypeAdapter[Frame] = TypeAdapter(Annotated[Frame, Field(discriminator="type")])


def parse_frame(text: str) -> Frame:
    """Return the frame in ``text``; raise ``BadFrame`` naming the first wrong field."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFrame("A frame must be a JSON object.") from None
    if not isinstance(value, dict):
        raise BadFrame("A frame must be a JSON object.")
    try:
        return _adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "type"
        raise BadFrame(f"{where}: {first['msg']}") from None


def claimed_client_id(text: str) -> str | None:
    """Return the ``client_id`` of a frame that failed, so that the client knows which one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    claimed = value.get("client_id") if isinstance(value, dict) else None
    return claimed[:64] if isinstance(claimed, str) else None


def message_frames(
    messages: Iterable[Message], *, conversation: Conversation, cards: Iterable[CardView]
) -> list[dict[str, Any]]:
    """Return durable messages as the customer's client gets them, each with its card."""
    by_message = {card.message_pk: card for card in cards}
    return [
        message_frame(row, conversation=conversation, card=by_message.get(row.pk))
        for row in messages
    ]


def message_frame(
    message: Message, *, conversation: Conversation, card: CardView | None = None
) -> dict[str, Any]:
    """Return a durable message as the customer's client gets it."""
    is_customer = message.author_kind == Message.Author.CUSTOMER
    html = (
        render_plain(message.text)
        if is_customer
        else render_markdown(message.text, link_hosts=link_hosts(conversation, message))
    )
    frame: dict[str, Any] = {
        "type": "message",
        "message": str(message.public_id),
        "seq": message.seq,
        "author": {"kind": message.author_kind, "name": message.author_name},
        "text": message.text,
        "html": html,
        "citations": message.citations,
        "created_at": message.created_at.isoformat(),
        "can_rate": message.is_answer,
        "helpful": message.helpful,
    }
    if message.suggestions:
        frame["suggestions"] = message.suggestions
    if card is not None:
        frame["card"] = {
            "call": str(card.call),
            "title": card.title,
            "lines": list(card.lines),
            "state": card.state,
            "expires_at": card.expires_at.isoformat() if card.expires_at else None,
        }
    if is_customer and message.client_id is not None:
        frame["client_id"] = str(message.client_id)
    return frame


def card_frame(card: CardView) -> dict[str, Any]:
    """Return how far a card has come, for who has its message already."""
    return {"type": "card", "call": str(card.call), "state": card.state}


def error_frame(error: SupportError, *, client_id: str | None = None) -> dict[str, Any]:
    """Return an expected failure as the client gets it."""
    frame: dict[str, Any] = {"type": "error", "code": error.code, "detail": error.detail}
    if client_id:
        frame["client_id"] = client_id
    if error.retry_after is not None:
        frame["retry_after"] = round(error.retry_after, 1)
    return frame
