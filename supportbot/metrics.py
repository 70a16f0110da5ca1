"""The Prometheus text: gauges read from the record, counters of this process."""

from django.db.models import Count, Min
from django.utils import timezone

from assistant.models import Turn
from conversations.models import Conversation
from core.realtime import counters
from escalation.models import HandOff


def _line(name: str, value: float, **labels: str) -> str:
    inside = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"supportbot_{name}{{{inside}}} {value:g}" if inside else f"supportbot_{name} {value:g}"


def _oldest_turn_seconds() -> float:
    oldest = Turn.objects.filter(state=Turn.State.QUEUED).aggregate(at=Min("created_at"))["at"]
    return (timezone.now() - oldest).total_seconds() if oldest else 0.0


def render_metrics() -> str:
    """Return all metrics as text, one sample a line."""
    statuses = Conversation.objects.filter(is_sample=False).values_list("status")
    lines = ["# TYPE supportbot_conversations gauge"]
    lines += [
        _line("conversations", count, status=status)
        for status, count in statuses.annotate(Count("pk"))
    ]
    lines += [
        "# TYPE supportbot_turns_queued gauge",
        _line("turns_queued", Turn.objects.filter(state=Turn.State.QUEUED).count()),
        "# TYPE supportbot_oldest_queued_turn_seconds gauge",
        _line("oldest_queued_turn_seconds", _oldest_turn_seconds()),
        "# TYPE supportbot_hand_offs_waiting gauge",
        _line("hand_offs_waiting", HandOff.objects.filter(state=HandOff.State.WAITING).count()),
        "# TYPE supportbot_hints_total counter",
    ]
    lines += [_line("hints_total", count, kind=kind) for kind, count in sorted(counters.items())]
    return "\n".join(lines) + "\n"
