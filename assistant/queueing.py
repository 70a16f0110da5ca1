"""Queued turns: who makes them, and what ends them before a worker does."""

from datetime import timedelta

from django.db import connection
from django.db.models import F, Q
from django.db.models.functions import Now

from assistant.claims import DEADLINE_SECONDS, PUBLISH_AFTER_SECONDS, State
from assistant.dispatch import publish_on_commit
from assistant.models import Turn
from conversations.models import Conversation, Message
from core.realtime import conversation_group
from core.realtime import publish_on_commit as hint_on_commit

OPEN_STATES = """
SELECT state FROM assistant_turn WHERE conversation_id = %s AND state IN ('queued', 'running')
"""
# One whose clock runs already keeps it.
STARTING = """
UPDATE assistant_turn
SET deadline_at = coalesce(
        deadline_at, statement_timestamp() + make_interval(secs => %s)),
    next_publish_at = CASE WHEN deadline_at IS NULL
        THEN statement_timestamp() + make_interval(secs => %s) ELSE next_publish_at END
WHERE conversation_id = %s AND state = 'queued'
RETURNING id
"""


def queue_turn(conversation: Conversation, *, from_seq: int) -> None:
    """Make sure that a queued turn of a locked conversation covers ``from_seq`` and on.

    Messages that come before its first claim join it: a burst gets one answer.
    """
    with connection.cursor() as cursor:
        cursor.execute(OPEN_STATES, [conversation.pk])
        states = {row[0] for row in cursor.fetchall()}
    if State.QUEUED in states:
        return
    is_head = not states
    turn = Turn.objects.create(
        conversation=conversation,
        from_seq=from_seq,
        holder_epoch=conversation.holder_epoch,
        deadline_at=Now() + timedelta(seconds=DEADLINE_SECONDS) if is_head else None,
        next_publish_at=Now() + timedelta(seconds=PUBLISH_AFTER_SECONDS),
    )
    if is_head:
        publish_on_commit(turn.pk)


def publish_successor(conversation: Conversation) -> None:
    """Start the clock of a locked conversation's next turn and send it to the workers."""
    with connection.cursor() as cursor:
        cursor.execute(STARTING, [DEADLINE_SECONDS, PUBLISH_AFTER_SECONDS, conversation.pk])
        for (pk,) in cursor.fetchall():
            publish_on_commit(pk)


def void_turns(conversation: Conversation, *, state: Turn.State, reason: str) -> None:
    """End all open turns of a locked conversation: whatever a worker still writes is fenced off.

    ``reason`` is that of the wire's ``delta_end``.
    """
    open_turns = Turn.objects.filter(
        conversation=conversation, state__in=[State.QUEUED, State.RUNNING]
    )
    for turn in open_turns:
        if turn.state == State.RUNNING:
            end_preview(turn, reason=reason)
    open_turns.update(state=state, fence=F("fence") + 1, finished_at=Now())


def end_preview(turn: Turn, *, reason: str) -> None:
    """Tell every viewer, after the commit, that the preview of ``turn`` is over."""
    conversation = turn.conversation
    hint_on_commit(
        conversation_group(conversation.public_id),
        {
            "type": "delta_end",
            "conversation": str(conversation.public_id),
            "message": str(turn.public_id),
            "attempt": turn.attempt * 10,
            "reason": reason,
        },
    )


def unanswered_from(conversation: Conversation) -> int | None:
    """Return the seq of the first customer's message after the last reply, if there is one.

    A reply is an agent's message or the assistant's answer; the words of a hand-off are none.
    """
    replied = Q(author_kind=Message.Author.AGENT) | Q(is_answer=True) | Q(turn__outcome="stopped")
    return _asked_after(conversation, replied)


def unheard_from(conversation: Conversation) -> int | None:
    """Return the seq of the first customer's message after anybody's last words, if there is one.

    The words of a hand-off count: what led to it was heard.
    """
    return _asked_after(
        conversation, Q(author_kind__in=[Message.Author.AGENT, Message.Author.ASSISTANT])
    )


def _asked_after(conversation: Conversation, said: Q) -> int | None:
    """Return the seq of the customer's first message past the last one that ``said`` selects."""
    seqs = Message.objects.filter(
        conversation=conversation, episode=conversation.episode
    ).values_list("seq", flat=True)
    last = seqs.filter(said).order_by("-seq").first() or 0
    asked = seqs.filter(author_kind=Message.Author.CUSTOMER, seq__gt=last)
    return asked.order_by("seq").first()
