"""The structured form of a reply: its schema, and the answer read out of it while it arrives.

The verdict's decision stands before the answer, so that a reply that wants a person shows
nothing; the order of the fields is that of the schema, which strict output keeps.
"""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final, Literal

import jiter
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llm.assembly import clean_text
from llm.errors import ModelStreamBroken
from llm.types import Verdict

if TYPE_CHECKING:
    from openai.types.shared_params import ResponseFormatJSONSchema

MAX_CITATIONS = 50
FENCE: Final = "```"
# What in a JSON text, or in a fence around it, is not just itself.
MEANS_MORE: Final = re.compile(r'["\\`\x00-\x1f]')
TEXT: Final = {"type": "string"}
SCHEMA: Final[dict[str, object]] = {
    "type": "object",
    "properties": {
        "needs_human": {"type": "boolean"},
        "reason": {
            "type": "string",
            "enum": ["", "asked_for_person", "cannot_answer", "must_not_decide"],
        },
        "detail": TEXT,
        "language": TEXT,
        "answer": TEXT,
        "citations": {"type": "array", "items": TEXT},
        "confidence": {"type": "number"},
    },
    "required": [
        "needs_human", "reason", "detail", "language", "answer", "citations", "confidence",
    ],
    "additionalProperties": False,
}  # fmt: skip


class _Reply(BaseModel):
    """A whole reply; a server that does not hold itself to the schema may leave fields out."""

    model_config = ConfigDict(extra="ignore")

    needs_human: bool = False
    reason: Literal["", "asked_for_person", "cannot_answer", "must_not_decide"] = ""
    detail: str = ""
    language: str = ""
    answer: str = ""
    citations: Annotated[list[str], Field(max_length=MAX_CITATIONS)] = []
    confidence: float | None = None


class StructuredReply:
    """Feed it a reply's text; it returns the answer's, and knows the verdict at the end.

    A reply that does not begin as JSON is taken for what it is: plain text without a verdict.
    """

    def __init__(self) -> None:
        self._raw = ""
        self._given = 0
        self._is_plain: bool | None = None
        # Whether the answer's text ended in the middle, so that not all need be read anew.
        self._is_within_answer = False

    def feed(self, text: str) -> str:
        """Return what ``text`` adds to the answer; raise `ModelStreamBroken` for wrong JSON."""
        self._raw += text
        if self._is_within_answer and not MEANS_MORE.search(text):
            self._given += len(text)
            return text
        piece = self._next_piece()
        # It was all taken for more of the answer: what follows is, up to a sign that ends it.
        self._is_within_answer = bool(text) and piece == text and not MEANS_MORE.search(text)
        return piece

    def _next_piece(self) -> str:
        if self._is_plain is None:
            self._is_plain = _is_plain(self._raw)
        if self._is_plain is None:
            return ""
        if self._is_plain:
            piece, self._given = self._raw[self._given :], len(self._raw)
            return piece
        return self._next_of(_answer_so_far(_unfenced(self._raw)))

    def conclude(self) -> Verdict | None:
        """Return the verdict of a whole reply; raise `ModelStreamBroken` where it is not whole."""
        if self._is_plain is not False:
            return None
        try:
            reply = _Reply.model_validate(json.loads(_unfenced(self._raw).rstrip(FENCE + " \n")))
        except (ValueError, ValidationError, RecursionError):
            raise ModelStreamBroken from None
        return Verdict(
            citations=tuple(clean_text(one)[:100] for one in reply.citations),
            confidence=_share(reply.confidence),
            language=clean_text(reply.language)[:20],
            needs_human=reply.needs_human,
            reason=reply.reason,
            detail=clean_text(reply.detail)[:500],
        )

    def _next_of(self, answer: str) -> str:
        piece, self._given = answer[self._given :], max(self._given, len(answer))
        return piece


def response_format() -> "ResponseFormatJSONSchema":
    """Return the parameter that asks for this form."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA},
    }


def schema_format(schema: Mapping[str, object]) -> "ResponseFormatJSONSchema":
    """Return the parameter that asks for another form; servers are strict with it or not."""
    return {
        "type": "json_schema",
        "json_schema": {"name": "reply", "schema": dict(schema)},
    }


def _is_plain(raw: str) -> bool | None:
    """Say whether a reply is plain text; None while it may still become either."""
    begun = raw.lstrip()
    if not begun or FENCE.startswith(begun):
        return None
    if begun.startswith(FENCE):
        inner = begun.removeprefix(FENCE).removeprefix("json").lstrip()
        still_open = not inner or "json".startswith(inner)
        return None if still_open else not inner.startswith("{")
    return not begun.startswith("{")


def _unfenced(raw: str) -> str:
    return raw[raw.find("{") :]


def _answer_so_far(raw: str) -> str:
    """Return the part of the answer that is certain: no half escape, no half character."""
    text = raw.rstrip(FENCE + " \n") if raw.rstrip().endswith(FENCE) else raw
    try:
        parsed = jiter.from_json(text.encode(), partial_mode="trailing-strings")
    except ValueError:
        raise ModelStreamBroken from None
    answer = parsed.get("answer", "") if isinstance(parsed, dict) else ""
    wants_human = isinstance(parsed, dict) and parsed.get("needs_human") is True
    return clean_text(answer) if isinstance(answer, str) and not wants_human else ""


def _share(value: float | None) -> float | None:
    return None if value is None or not 0 <= value <= 1 else value
