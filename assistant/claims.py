"""Who works on a turn: claims, leases and fences, all on the database's clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from assistant.models import Turn

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
    conversation_pk: int
    conversation_id: UUID
    public_id: UUID
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


# The turn itself is looked at again by the claim: it may change while the lock is awaited.
LOCKING = """
SELECT conversation.id, conversation.public_id, conversation.last_seq
FROM conversations_conversation AS conversation
JOIN assistant_turn AS turn ON turn.conversation_id = conversation.id
WHERE turn.id = %s AND turn.state IN ('queued', 'running')
FOR UPDATE OF conversation
"""
# The first claim sets how far the turn reaches and when it ends, if that was not set before. Each
# ends the back-off: should its worker die, the turn is due as soon as the lease runs out.
CLAIMING = """
UPDATE assistant_turn AS turn
SET state = 'running', attempt = attempt + 1, fence = fence + 1, partial_text = '',
    claimed_at = statement_timestamp(),
    lease_until = statement_timestamp() + make_interval(secs => %(lease)s),
    next_publish_at = statement_timestamp() + make_interval(secs => %(lease)s),
    publish_count = 0,
    through_seq = coalesce(through_seq, %(last_seq)s),
    deadline_at = coalesce(
        deadline_at, statement_timestamp() + make_interval(secs => %(deadline)s))
WHERE id = %(turn)s
    AND (state = 'queued' OR state = 'running' AND lease_until < statement_timestamp())
    AND NOT EXISTS (
        SELECT FROM assistant_turn AS other
        WHERE other.conversation_id = turn.conversation_id
            AND other.state = 'running' AND other.id <> turn.id)
RETURNING public_id, attempt, fence, from_seq, through_seq, holder_epoch,
    greatest(1, extract(epoch FROM deadline_at - statement_timestamp()))::float8
"""


@transaction.atomic
def claim_turn(turn_pk: int) -> Claim | None:
    """Claim a queued turn, or a running one whose lease ran out; ``None`` drops a duplicate.

    Freezes ``through_seq`` at the first claim. The conversation's row lock orders this
    against new messages and against the agent who takes over.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCKING, [turn_pk])
        if (found := cursor.fetchone()) is None:
            return None
        conversation_pk, conversation_id, last_seq = found
        bounds = {"lease": LEASE_SECONDS, "deadline": DEADLINE_SECONDS}
        cursor.execute(CLAIMING, {"turn": turn_pk, "last_seq": last_seq, **bounds})
        if (claimed := cursor.fetchone()) is None:
            return None
    return Claim(turn_pk, conversation_pk, conversation_id, *claimed)


def mine(claim: Claim) -> QuerySet[Turn]:
    """Return the turn's row as long as the claim holds: every later write starts here."""
    return Turn.objects.filter(pk=claim.turn_pk, fence=claim.fence, state=State.RUNNING)


HELD = "SELECT FROM assistant_turn WHERE id = %s AND fence = %s AND state = 'running'"


def is_held(claim: Claim) -> bool:
    """Whether the claim still holds; for good where the conversation is locked."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, [claim.turn_pk, claim.fence])
        return cursor.fetchone() is not None


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


# One look at the few open turns, by their two indexes: none of the many that have ended is read.
OVERDUE = """
SELECT EXISTS (
    SELECT FROM assistant_turn AS turn
    WHERE state = 'queued' AND (
        deadline_at < statement_timestamp()
        OR next_publish_at <= statement_timestamp() - make_interval(secs => %s)
            AND NOT EXISTS (
                SELECT FROM assistant_turn AS other
                WHERE other.conversation_id = turn.conversation_id AND other.state = 'running'))
) OR EXISTS (
    SELECT FROM assistant_turn
    WHERE state = 'running'
        AND (deadline_at < statement_timestamp() OR lease_until < statement_timestamp())
)
"""


def is_any_overdue(*, seconds: float) -> bool:
    """Whether a worker fell silent, a deadline passed, or a queued head is ``seconds`` late."""
    with connection.cursor() as cursor:
        cursor.execute(OVERDUE, [seconds])
        return bool(cursor.fetchone()[0])


# What is not set stays so: the least of nothing and a time would be that time.
PULLING_IN = """
UPDATE assistant_turn AS turn
SET lease_until = CASE WHEN turn.lease_until IS NOT NULL
        THEN least(turn.lease_until, latest.lease_until) END,
    next_publish_at = least(turn.next_publish_at, latest.next_publish_at),
    deadline_at = CASE WHEN turn.deadline_at IS NOT NULL
        THEN least(turn.deadline_at, latest.deadline_at) END
FROM (
    SELECT statement_timestamp() + make_interval(secs => %(lease_until)s) AS lease_until,
        statement_timestamp() + make_interval(secs => %(next_publish_at)s) AS next_publish_at,
        statement_timestamp() + make_interval(secs => %(deadline_at)s) AS deadline_at
) AS latest
WHERE turn.id IN (
        SELECT id FROM assistant_turn WHERE state = 'queued'
        UNION ALL SELECT id FROM assistant_turn WHERE state = 'running')
    AND turn.state IN ('queued', 'running')
    AND (turn.lease_until > latest.lease_until OR turn.next_publish_at > latest.next_publish_at
        OR turn.deadline_at > latest.deadline_at)
"""


def pull_in() -> int:
    """Bring near what a clock that was set back has left far ahead; return of how many turns.

    A dead worker's turn would else wait for its lease for as long as the clock jumped.
    """
    with connection.cursor() as cursor:
        cursor.execute(PULLING_IN, FURTHEST)
        return int(cursor.rowcount)


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
