"""Personal data in texts: where it stands, placeholders for it, and its way back.

Nothing here is stored and nothing is logged: values live in memory for one turn.
"""

from assistant.redaction.redactor import PLACEHOLDER, Redactor, StreamRestorer
from assistant.redaction.site_rules import check_patterns
from assistant.redaction.spans import Span, SpanType, find_spans
from assistant.redaction.vault import Vault

__all__ = [
    "PLACEHOLDER",
    "Redactor",
    "Span",
    "SpanType",
    "StreamRestorer",
    "Vault",
    "check_patterns",
    "find_spans",
]
