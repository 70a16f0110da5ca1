"""Who may hold a conversation after whom, as a table of data."""

from conversations.models import Conversation
from core.errors import Conflict

Status = Conversation.Status

TRANSITIONS: dict[str, frozenset[str]] = {
    Status.ASSISTANT: frozenset({Status.WAITING, Status.AGENT, Status.RESOLVED}),
    Status.WAITING: frozenset({Status.AGENT, Status.ASSISTANT, Status.RESOLVED}),
    Status.AGENT: frozenset({Status.ASSISTANT, Status.WAITING, Status.RESOLVED}),
    Status.RESOLVED: frozenset({Status.ASSISTANT}),
}


def check_transition(current: str, target: str) -> None:
    """Raise ``Conflict`` where the table has no way from ``current`` to ``target``."""
    if target not in TRANSITIONS[current]:
        raise Conflict(f"A conversation that is {current} can't become {target}.")
