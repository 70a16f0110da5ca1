"""What the queue page shows: who waits, and whom the agents are with."""

from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import (
    Case,
    Count,
    IntegerField,
    Max,
    OuterRef,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Substr

from accounts.models import User
from conversations.models import Message
from escalation.models import AgentProfile, HandOff
from escalation.selectors import AWAY_SECONDS, online_agents, present_agents, waiting

SHOWN = 100
EXCERPT_CHARACTERS = 240
State = HandOff.State
Signature = tuple[int, int | None, int | None, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue as one agent sees it."""

    waiting: Page[HandOff]
    held: list[HandOff]
    agents_online: int
    # By their users' keys: who is at the desk, free or not.
    here: frozenset[int]
    is_available: bool

    @property
    def waiting_count(self) -> int:
        """How many wait on all pages."""
        return self.waiting.paginator.count


def read_queue(agent: User, *, page: str | None = None) -> Queue:
    """Return a page of the waiting by urgency and age, and the held, ``agent``'s own first."""
    profile = AgentProfile.objects.filter(user=agent).first()
    return Queue(
        # Where the page asked for is gone, the last one.
        waiting=Paginator(_with_last_words(waiting()), SHOWN).get_page(page),
        held=list(_with_last_words(_held(agent))[:SHOWN]),
        agents_online=online_agents().count(),
        here=frozenset(_here().values_list("user_id", flat=True)),
        is_available=profile is None or profile.is_available,
    )


def _here() -> QuerySet[AgentProfile]:
    return present_agents(seconds=AWAY_SECONDS)


def _held(agent: User) -> QuerySet[HandOff]:
    not_mine = Case(
        When(taken_by=agent, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    return (
        HandOff.objects.filter(state=State.TAKEN)
        .select_related("conversation__customer", "taken_by")
        .order_by(not_mine, "taken_at", "pk")
    )


def _with_last_words(hand_offs: QuerySet[HandOff]) -> QuerySet[HandOff]:
    """Add ``last_words`` and ``message_count`` of the customer, and the ``last_author`` of both."""
    messages = Message.objects.filter(conversation=OuterRef("conversation")).order_by("-seq")
    asked = messages.filter(author_kind=Message.Author.CUSTOMER)
    # What the assistant said in between is no reply to who waits for a person.
    spoken = messages.filter(author_kind__in=[Message.Author.CUSTOMER, Message.Author.AGENT])
    count = (
        asked.filter(episode=OuterRef("episode__number"))
        .order_by()
        .values("conversation")
        .annotate(count=Count("pk"))
    )
    return hand_offs.annotate(
        last_words=Substr(Subquery(asked.values("text")[:1]), 1, EXCERPT_CHARACTERS),
        last_author=Subquery(spoken.values("author_kind")[:1]),
        message_count=Subquery(count.values("count")[:1]),
    )


def queue_signature() -> Signature:
    """Return numbers that differ whenever the queue page would: one cheap query heals hints."""
    found = HandOff.objects.filter(state__in=[State.WAITING, State.TAKEN]).aggregate(
        count=Count("pk"),
        newest=Max("pk"),
        messages=Sum("conversation__last_seq"),
        changes=Sum("conversation__revision"),
    )
    here = _here().aggregate(sum=Sum("user_id"))["sum"]
    return found["count"], found["newest"], found["messages"], found["changes"], here
