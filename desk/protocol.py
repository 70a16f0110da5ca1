"""The frames of the desk's socket: what a page may say, and hints as frames."""

import json
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, TypeAdapter, ValidationError

from core.errors import SupportError

MAX_FRAME_CHARACTERS = 4_096
Frame = dict[str, Any]


class BadFrame(SupportError):
    """A frame that is not one of these."""

    code = "bad_frame"
    detail = "That frame is not understood."


class _Asked(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Watch(_Asked):
    """Follow one conversation, instead of the one followed so far."""

    type: Literal["watch"]
    conversation: UUID


class Typing(_Asked):
    """The agent writes to the customer of the watched conversation, or stopped."""

    type: Literal["typing"]
    on: StrictBool


class Ping(_Asked):
    """Answered by ``pong``."""

    type: Literal["ping"]


_adapter: TypeAdapter[Watch | Typing | Ping] = TypeAdapter(
    Annotated[Watch | Typing | Ping, Field(discriminator="type")]
)


def parse_frame(text: str | None) -> Watch | Typing | Ping:
    """Return the frame in ``text``; raise ``BadFrame`` for anything else."""
    try:
        return _adapter.validate_python(json.loads(text or ""))
    except (ValueError, RecursionError, ValidationError):
        raise BadFrame from None


def desk_frame(hint: Frame) -> Frame | None:
    """Return the frame for a hint of the desk's group: that the queue moved, and why."""
    kind = str(hint.get("type"))
    if kind == "hand_off.created":
        return {
            "type": "hand_off",
            "hand_off": hint["hand_off"],
            "conversation": hint["conversation"],
            "urgency": hint["urgency"],
        }
    return {"type": "queue"} if kind.startswith(("hand_off.", "conversation.")) else None


def staff_frame(hint: Frame) -> Frame | None:
    """Return the frame for a hint that is for this agent alone: help that was asked for."""
    if hint.get("type") != "helper.changed":
        return None
    return {"type": "helper", **_picked(hint, "helper", "conversation", "kind", "state")}


def conversation_frame(hint: Frame) -> Frame | None:
    """Return the frame for a hint of the watched conversation."""
    kind = hint.get("type")
    if kind == "conversation.changed":
        return {"type": "conversation", **_picked(hint, "conversation", "seq", "revision")}
    if kind == "typing" and hint.get("origin") == "customer":
        return {"type": "typing", **_picked(hint, "conversation", "author", "on")}
    if kind == "delta":
        return {"type": "delta", **_picked(hint, "message", "attempt", "offset", "text")}
    if kind == "delta_end":
        return {"type": "delta_end", **_picked(hint, "message", "reason")}
    return None


def _picked(hint: Frame, *names: str) -> Frame:
    return {name: hint.get(name) for name in names}
