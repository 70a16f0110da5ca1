"""Every read of hand-offs, presence and places in the queue."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation
from core.errors import Forbidden, NotFound
from core.holding import held
from escalation.models import AgentProfile, FlagRule, HandOff

ONLINE_SECONDS = 45
# One more heartbeat: whoever closed a page may have another one open.
AWAY_SECONDS = 70
WAIT_SAMPLE = 20
# Below it one slow or lucky wait would be the estimate.
MIN_WAIT_SAMPLE = 5
# Nobody plans by a longer one, and the sample of a day says little about it.
MAX_WAIT_SECONDS = 3600
State = HandOff.State


def online_agents() -> QuerySet[AgentProfile]:
    """Return the agents who are at the desk and free to take conversations."""
    since = Now() - timedelta(seconds=ONLINE_SECONDS)
    return AgentProfile.objects.filter(is_available=True, last_seen_at__gte=since)


def present_agents(*, seconds: float) -> QuerySet[AgentProfile]:
    """Return the agents who were heard from in the last ``seconds``, free or not."""
    since = Now() - timedelta(seconds=seconds)
    return AgentProfile.objects.filter(last_seen_at__gte=since)


def is_away(agent: User) -> bool:
    """Whether an agent is away from the desk for so long that a colleague may take over."""
    return not present_agents(seconds=AWAY_SECONDS).filter(user=agent).exists()


def people_online() -> bool:
    """Whether anybody is at the desk."""
    return online_agents().exists()


@held
def active_rules(site_id: int) -> tuple[FlagRule, ...]:
    """Return the rules of a site and those of all sites, as they were a moment ago."""
    return tuple(FlagRule.objects.filter(Q(site_id=site_id) | Q(site=None), is_active=True))


def waiting() -> QuerySet[HandOff]:
    """Return the queue: urgency first, then age."""
    return (
        HandOff.objects.filter(state=State.WAITING)
        .select_related("conversation__customer", "conversation__site", "episode")
        .order_by("urgency", "created_at", "pk")
    )


def open_hand_off(conversation: Conversation) -> HandOff | None:
    """Return the waiting or taken hand-off of a conversation."""
    return (
        HandOff.objects.select_related("taken_by")
        .filter(conversation=conversation, state__in=[State.WAITING, State.TAKEN])
        .first()
    )


def queue_place(conversation: Conversation) -> tuple[int, int | None] | None:
    """Return ``(position from 1, likely wait in seconds or None)`` of a waiting conversation."""
    hand_off = HandOff.objects.filter(conversation=conversation, state=State.WAITING).first()
    if hand_off is None:
        return None
    ahead = HandOff.objects.filter(state=State.WAITING).filter(
        Q(urgency__lt=hand_off.urgency)
        | Q(urgency=hand_off.urgency, created_at__lt=hand_off.created_at)
        | Q(urgency=hand_off.urgency, created_at=hand_off.created_at, pk__lt=hand_off.pk)
    )
    position = ahead.count() + 1
    return position, _read_pace().likely_wait(position)


def is_past_limit(conversation: Conversation) -> bool:
    """Whether a conversation's network has brought in as many as an hour may hold.

    Conversations cost nothing to begin: without it one visitor could fill the queue.
    """
    if not conversation.network:
        return False
    brought = HandOff.objects.filter(
        created_at__gte=timezone.now() - timedelta(hours=1),
        conversation__network=conversation.network,
    )
    most: int = settings.HAND_OFFS_AN_HOUR_PER_ADDRESS
    return brought.count() >= most


@dataclass(frozen=True, slots=True)
class Pace:
    """How many agents are online, and the seconds that customers waited lately."""

    agents: int
    waits: tuple[float, ...]

    def likely_wait(self, position: int) -> int | None:
        """Return the median wait of the last hand-offs by rounds of the agents, in seconds.

        ``None`` where nobody is online or too little is known: no number is better than a
        made-up one.
        """
        if not self.agents or len(self.waits) < MIN_WAIT_SAMPLE:
            return None
        likely = int(median(self.waits) * math.ceil(position / self.agents))
        return likely if likely <= MAX_WAIT_SECONDS else None


def _read_pace() -> Pace:
    agents = online_agents().count()
    return Pace(agents, tuple(_last_waits()) if agents else ())


@dataclass(frozen=True, slots=True)
class Queue:
    """All places at one moment, by the conversations' keys."""

    positions: Mapping[int, int]
    pace: Pace

    @property
    def has_people(self) -> bool:
        """Whether anybody is at the desk."""
        return self.pace.agents > 0

    def place_of(self, conversation_pk: int) -> tuple[int, int | None] | None:
        """Return the same as ``queue_place``."""
        position = self.positions.get(conversation_pk)
        return None if position is None else (position, self.pace.likely_wait(position))


def read_queue() -> Queue:
    """Return everyone's place in three queries, however many wait."""
    order = HandOff.objects.filter(state=State.WAITING).order_by("urgency", "created_at", "pk")
    pks = order.values_list("conversation_id", flat=True)
    return Queue({pk: place for place, pk in enumerate(pks, start=1)}, _read_pace())


def _last_waits() -> list[float]:
    """The seconds that the customers waited whom agents took lately, the newest first."""
    taken = HandOff.objects.filter(
        taken_at__gte=timezone.now() - timedelta(days=1), conversation__is_sample=False
    ).annotate(wait=F("taken_at") - F("created_at"))
    # Where an agent stepped in, the hand-off begins as it is taken: nobody waited.
    waited = taken.filter(wait__gte=timedelta(seconds=1)).order_by("-taken_at")
    return [wait.total_seconds() for wait in waited.values_list("wait", flat=True)[:WAIT_SAMPLE]]


def access_conversation(user: User, *, public_id: UUID | str) -> Conversation:
    """Return a conversation for a member of staff; raise ``Forbidden`` or ``NotFound``."""
    if not user.is_active or not user.has_perm("escalation.work_queue"):
        raise Forbidden
    try:
        return Conversation.objects.select_related("site", "customer", "agent").get(
            public_id=public_id
        )
    except (Conversation.DoesNotExist, ValueError):
        raise NotFound from None
