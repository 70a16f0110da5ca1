"""Personal data in texts: where it stands, placeholders for it, and its way back.

Nothing here is stored and nothing is logged: values live in memory for one turn.
"""

from assistant.redaction.redactor import PLACEHOLDER, Redactor, StreamRestorer
from assistant.redaction.site_rules import check_patterns
from assistant.redaction.spans import Span, SpanType, find_spans

__all__ = [
    "PLACEHOLDER",
    "Redactor",
    "Span",
    "SpanType",
    "StreamRestorer",
    "check_patterns",
    "find_spans",
]
