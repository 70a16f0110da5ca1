"""The row of every call: what was asked of a tool, redacted, and what came of it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from assistant.models import ToolCall
from assistant.tools.definitions import CUT_OFF, mapped, storable
from assistant.tools.running import Outcome

Redact = Callable[[str], str]
MAX_ARGUMENT_CHARACTERS = 2_000
MAX_CHARACTERS = 20_000


def redacted(value: Any, *, redact: Redact) -> Any:
    """Return a JSON value as it may be kept: redacted, storable, of some length only."""
    kept = mapped(value, lambda text: storable(redact(text[:MAX_ARGUMENT_CHARACTERS])))
    text = json.dumps(kept, ensure_ascii=False)
    return kept if len(text) <= MAX_CHARACTERS else {CUT_OFF: text[:MAX_ARGUMENT_CHARACTERS]}


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
        tool=storable(tool)[:50],
        effect=effect,
        state=outcome.state,
        arguments=redacted(dict(arguments), redact=redact),
        result=storable(redact(outcome.text)),
        error_code=outcome.error_code,
        duration_ms=outcome.duration_ms,
    )
