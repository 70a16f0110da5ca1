"""What the assistant asked of tools for a message, in the words that an agent reads."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from assistant.models import ToolCall
from conversations.models import Message

State = ToolCall.State
TROUBLED = {State.FAILED, State.REFUSED, State.UNKNOWN}


@dataclass(frozen=True, slots=True)
class CallLine:
    """One call under its message; ``arguments`` are redacted."""

    tool: str
    state: str
    arguments: str
    duration_ms: int | None
    is_troubled: bool


def calls_of(messages: Iterable[Message]) -> dict[int, list[CallLine]]:
    """Return the calls that led to each message, or whose card it shows, by the message's key."""
    pks = [message.pk for message in messages]
    made = ToolCall.objects.filter(Q(message_id__in=pks) | Q(turn__message_id__in=pks))
    lines: dict[int, list[CallLine]] = defaultdict(list)
    for call in made.select_related("turn").order_by("pk"):
        told_in = call.message_id or (call.turn.message_id if call.turn else None)
        if told_in is not None:
            lines[told_in].append(_line(call))
    return lines


def _line(call: ToolCall) -> CallLine:
    return CallLine(
        tool=call.tool,
        state=call.get_state_display(),
        arguments=json.dumps(call.arguments, ensure_ascii=False)[:500],
        duration_ms=call.duration_ms,
        is_troubled=call.state in TROUBLED,
    )
