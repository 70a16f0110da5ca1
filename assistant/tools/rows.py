"""The row of every call: what was asked of a tool, redacted, and what came of it."""

from collections.abc import Callable, Mapping
from typing import Any

from assistant.models import ToolCall
from assistant.tools.running import Outcome

Redact = Callable[[str], str]
MAX_ARGUMENT_CHARACTERS = 2_000


def redacted(value: Any, *, redact: Redact) -> Any:
    """Return a JSON value with every text in it redacted, keys too."""
    if isinstance(value, str):
        return redact(value[:MAX_ARGUMENT_CHARACTERS]).replace("\x00", "")
    if isinstance(value, Mapping):
        return {
            redacted(str(key), redact=redact): redacted(one, redact=redact)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [redacted(one, redact=redact) for one in value]
    return value


def record_call(
    *,
    conversation_pk: int,
    turn_pk: int | None,
    tool: str,
    effect: str,
    arguments: Mapping[str, object],
    outcome: Outcome,
    redact: Redact,
) -> ToolCall:
    """Store a call that has ended."""
    return ToolCall.objects.create(
        conversation_id=conversation_pk,
        turn_id=turn_pk,
        tool=tool[:50].replace("\x00", ""),
        effect=effect,
        state=outcome.state,
        arguments=redacted(dict(arguments), redact=redact),
        result=redact(outcome.text).replace("\x00", ""),
        error_code=outcome.error_code,
        duration_ms=outcome.duration_ms,
    )
