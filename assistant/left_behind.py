"""Customers whose agent is gone: which they are, and when that is known for sure."""

import time
from collections.abc import Callable

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from conversations.models import Conversation, Message
from escalation.models import HandOff
from escalation.selectors import present_agents

# Enough for a notebook that is closed and opened in another room.
GONE_SECONDS = 300.0
# Where nobody is at the desk nobody could help sooner, and maybe the desk can't be reached.
GONE_UNSEEN_SECONDS = 1800.0
# After an outage all agents are back by then, none of them gone.
STEADY_SECONDS = 60.0
# Between two looks; more is an outage.
GAP_SECONDS = 30.0


class Attendance:
    """Since when somebody is at the desk without a gap, as far as this process saw it.

    ``clock`` gives monotonic seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._looked_at = clock()

    def patience(self, *, is_anybody_here: bool) -> float:
        """Take a look; return for how many seconds an agent is not gone who was not heard from."""
        now, before = self._clock(), self._looked_at
        self._looked_at = now
        if not is_anybody_here or now - before > GAP_SECONDS:
            self._since = None
        if is_anybody_here and self._since is None:
            self._since = now
        is_steady = self._since is not None and now - self._since >= STEADY_SECONDS
        return GONE_SECONDS if is_steady else GONE_UNSEEN_SECONDS


def left_behind(*, seconds: float) -> QuerySet[Conversation]:
    """Return the conversations that wait for a word of an agent not heard from for ``seconds``."""
    said = Message.objects.filter(conversation=OuterRef("pk")).order_by("-seq")
    held = HandOff.objects.filter(conversation=OuterRef("pk"), state=HandOff.State.TAKEN)
    replied, asked = (
        Subquery(said.filter(author_kind=kind).values("created_at")[:1])
        for kind in (Message.Author.AGENT, Message.Author.CUSTOMER)
    )
    return (
        Conversation.objects.filter(status=Conversation.Status.AGENT)
        .exclude(agent__in=present_agents(seconds=seconds).values("user"))
        .annotate(replied=replied, asked=asked, passed_on=Subquery(held.values("created_at")[:1]))
        .filter(
            Q(replied=None) | Q(replied__lt=F("asked")) | Q(replied__lt=F("passed_on")),
        )
        .order_by("last_message_at")
    )
