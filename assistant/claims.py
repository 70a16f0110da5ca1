"""Who works on a turn: claims, leases and fences, all on the database's clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from assistant.models import Turn
from conversations.models import Conversation
from conversations.services import lock_conversation

LEASE_SECONDS = 10
HEARTBEAT_SECONDS = 3.0
DEADLINE_SECONDS = 90
MAX_ATTEMPTS = 3
PUBLISH_AFTER_SECONDS = 2
LONGEST_BACK_OFF = 4
State = Turn.State
# How far ahead each time of an open turn is ever set, in seconds.
FURTHEST = {
    "lease_until": LEASE_SECONDS,
    "next_publish_at": PUBLISH_AFTER_SECONDS * 2**LONGEST_BACK_OFF,
    "deadline_at": DEADLINE_SECONDS,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """One worker's right to one attempt of one turn; void once the fence has risen."""

    turn_pk: int
    public_id: UUID
    conversation_pk: int
    conversation_id: UUID
    attempt: int
    fence: int
    from_seq: int
    through_seq: int
    holder_epoch: int
    seconds_left: float

    @property
    def is_last_resort(self) -> bool:
        """Whether earlier attempts died, so that only the local engine is tried again."""
        return self.attempt > MAX_ATTEMPTS


@transaction.atomic
def claim_turn(turn_pk: int) -> Claim | None:
    """Claim a queued turn, or a running one whose lease ran out; ``None`` drops a duplicate.

    Freezes ``through_seq`` at the first claim. The conversation's row lock orders this
    against new messages and against the agent who takes over.
    """
    conversation_pk = (
        Turn.objects.filter(pk=turn_pk, state__in=[State.QUEUED, State.RUNNING])
        .values_list("conversation_id", flat=True)
        .first()
    )
    if conversation_pk is None:
        return None
    conversation = lock_conversation(conversation_pk)
    if not _claim_row(turn_pk, conversation):
        return None
    turn = Turn.objects.annotate(left=F("deadline_at") - Now()).get(pk=turn_pk)
    return Claim(
        turn_pk=turn.pk,
        public_id=turn.public_id,
        conversation_pk=conversation.pk,
        conversation_id=conversation.public_id,
        attempt=turn.attempt,
        fence=turn.fence,
        from_seq=turn.from_seq,
        through_seq=turn.through_seq or conversation.last_seq,
        holder_epoch=turn.holder_epoch,
        seconds_left=max(1.0, turn.left.total_seconds()),
    )


def _claim_row(turn_pk: int, conversation: Conversation) -> bool:
    running_elsewhere = (
        Turn.objects.filter(conversation=conversation, state=State.RUNNING)
        .exclude(pk=turn_pk)
        .exists()
    )
    if running_elsewhere:
        return False
    free = Q(state=State.QUEUED) | Q(state=State.RUNNING, lease_until__lt=Now())
    claimed = Turn.objects.filter(free, pk=turn_pk).update(
        state=State.RUNNING,
        attempt=F("attempt") + 1,
        fence=F("fence") + 1,
        lease_until=Now() + timedelta(seconds=LEASE_SECONDS),
        claimed_at=Now(),
        partial_text="",
        # Set by the first claim, if not before.
        through_seq=Coalesce("through_seq", conversation.last_seq),
        deadline_at=Coalesce("deadline_at", Now() + timedelta(seconds=DEADLINE_SECONDS)),
    )
    return bool(claimed)


def mine(claim: Claim) -> QuerySet[Turn]:
    """Return the turn's row as long as the claim holds: every later write starts here."""
    return Turn.objects.filter(pk=claim.turn_pk, fence=claim.fence, state=State.RUNNING)


# A row that another transaction holds is skipped: it must not keep the others from renewal.
RENEWAL = """
WITH claimed AS (
    SELECT * FROM unnest(%s::bigint[], %s::int[]) AS claimed(id, fence)
), free AS (
    SELECT turn.id FROM assistant_turn AS turn JOIN claimed USING (id, fence)
    WHERE turn.state = 'running' FOR NO KEY UPDATE OF turn SKIP LOCKED
), renewed AS (
    UPDATE assistant_turn SET lease_until = statement_timestamp() + make_interval(secs => %s)
    WHERE id IN (SELECT id FROM free)
)
SELECT turn.id FROM assistant_turn AS turn JOIN claimed USING (id, fence)
WHERE turn.state = 'running'
"""


def renew_leases(claims: Iterable[tuple[int, int]]) -> set[int]:
    """Renew the leases of ``(turn, fence)`` in one statement; return the turns still held."""
    pairs = list(claims)
    if not pairs:
        return set()
    turns, fences = zip(*pairs, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(RENEWAL, [list(turns), list(fences), LEASE_SECONDS])
        return {row[0] for row in cursor.fetchall()}


def heads() -> QuerySet[Turn]:
    """Return the queued turns with no running one before them in their conversation."""
    running = Turn.objects.filter(state=State.RUNNING).values("conversation_id")
    return Turn.objects.filter(state=State.QUEUED).exclude(conversation_id__in=running)


def expired() -> QuerySet[Turn]:
    """Return the running turns whose worker fell silent and that may be tried again."""
    return Turn.objects.filter(
        state=State.RUNNING, lease_until__lt=Now(), deadline_at__gt=Now(), attempt__lte=MAX_ATTEMPTS
    )


def pull_in() -> int:
    """Bring near what a clock that was set back has left far ahead; return how many times.

    A dead worker's turn would else wait for its lease for as long as the clock jumped.
    """
    pulled = 0
    for name, seconds in FURTHEST.items():
        latest = Now() + timedelta(seconds=seconds)
        open_turns = Turn.objects.filter(state__in=[State.QUEUED, State.RUNNING])
        pulled += open_turns.filter(**{f"{name}__gt": latest}).update(**{name: latest})
    return pulled


def take_due(queryset: QuerySet[Turn], *, limit: int, overdue_seconds: float = 0) -> list[int]:
    """Return the ids of due turns and put off their next publication, with back-off.

    ``FOR UPDATE SKIP LOCKED``: two relays share the work instead of repeating it.
    ``overdue_seconds`` leaves to others what has only just come due.
    """
    with transaction.atomic():
        due = list(
            queryset.filter(next_publish_at__lte=Now() - timedelta(seconds=overdue_seconds))
            .order_by("next_publish_at")
            .select_for_update(of=("self",), skip_locked=True)[:limit]
        )
        for turn in due:
            delay = PUBLISH_AFTER_SECONDS * 2 ** min(turn.publish_count, LONGEST_BACK_OFF)
            Turn.objects.filter(pk=turn.pk).update(
                next_publish_at=Now() + timedelta(seconds=delay),
                publish_count=F("publish_count") + 1,
            )
    return [turn.pk for turn in due]
