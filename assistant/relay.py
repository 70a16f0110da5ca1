"""Brings back what was committed and not carried out: each step looks at rows only."""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import Error
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, Value
from django.db.models.functions import Now

from assistant.actions import expire_proposal, expired_proposals
from assistant.budget import settle_stale
from assistant.carrying_out import LOST, NOT_BEGUN, end_action, lost_actions, pks, unbegun_actions
from assistant.claims import (
    MAX_ATTEMPTS,
    State,
    expired,
    heads,
    is_any_overdue,
    pull_in,
    take_due,
)
from assistant.dispatch import publish_turns
from assistant.finishing import fail_turn
from assistant.helping.claims import fail_stale
from assistant.left_behind import Attendance, left_behind
from assistant.models import ToolCall, Turn
from assistant.services import close_when_idle, put_back
from conversations.models import Conversation, Message
from core.errors import SupportError
from escalation.selectors import ONLINE_SECONDS, present_agents

logger = logging.getLogger(__name__)
BATCH = 200
# The workers' own poll comes first: with Redis gone, what the relay takes is only put off.
AFTER_WORKERS_SECONDS = 3
_attendance = Attendance()


def run_once() -> dict[str, int]:
    """Do one round of every step; return how much each found, for logs and tests."""
    return settle_the_rest() | bring_back_turns()


def bring_back_turns() -> dict[str, int]:
    """Do what a customer may be waiting for at this moment; return nothing where nobody is."""
    # Nearly always: one look in place of four.
    if not is_any_overdue(seconds=AFTER_WORKERS_SECONDS):
        return {}
    return {
        "republished": republish_heads(),
        "reclaimed": republish_expired(),
        "failed": fail_overdue(),
    }


def settle_the_rest() -> dict[str, int]:
    """Do what may as well come some seconds later."""
    return {
        "pulled_in": pull_in(),
        "closed": close_idle(),
        "put_back": put_back_left(),
        "help_failed": fail_stale(),
        "actions": settle_actions(),
        "reservations": settle_stale(),
    }


def republish_heads() -> int:
    """Send the queued heads whose task seems lost, with back-off."""
    return publish_turns(take_due(heads(), limit=BATCH, overdue_seconds=AFTER_WORKERS_SECONDS))


def republish_expired() -> int:
    """Send the running turns whose worker died; their next claim raises the fence."""
    return publish_turns(take_due(expired(), limit=BATCH, overdue_seconds=AFTER_WORKERS_SECONDS))


def fail_overdue() -> int:
    """End the turns past their deadline with an honest text and a hand-off.

    A turn that died in every attempt (the last one by the local engine) ends here too,
    without waiting for its deadline.
    """
    is_over = Q(deadline_at__lt=Now())
    is_worn_out = Q(lease_until__lt=Now(), attempt__gt=MAX_ATTEMPTS)
    # Each by its own index of open turns.
    queued = Turn.objects.filter(is_over, state=State.QUEUED).values_list("pk", flat=True)
    running = Turn.objects.filter(is_over | is_worn_out, state=State.RUNNING)
    pks = {*queued[:BATCH], *running.values_list("pk", flat=True)[:BATCH]}
    return sum(_guarded(fail_turn, pk, code="deadline") for pk in pks)


def settle_actions() -> int:
    """Expire the cards that nobody decided; end the effects that no worker will end.

    One that was begun may have happened: it goes to a person and is never tried again.
    """
    confirmed = ToolCall.State.CONFIRMED
    expired_now = pks(expired_proposals(), limit=BATCH)
    lost, unbegun = pks(lost_actions(), limit=BATCH), pks(unbegun_actions(), limit=BATCH)
    return (
        sum(_guarded(expire_proposal, pk) for pk in expired_now)
        + sum(_guarded(end_action, pk, outcome=LOST) for pk in lost)
        + sum(_guarded(end_action, pk, outcome=NOT_BEGUN, since=confirmed) for pk in unbegun)
    )


def close_idle() -> int:
    """Resolve the conversations that fell silent after an answer."""
    minutes = ExpressionWrapper(
        F("site__idle_close_minutes") * Value(timedelta(minutes=1)), output_field=DurationField()
    )
    asked = Message.objects.filter(conversation=OuterRef("pk"), author_kind="customer")
    silent = (
        Conversation.objects.filter(status=Conversation.Status.ASSISTANT, last_seq__gt=0)
        .annotate(patience=minutes)
        .filter(Exists(asked), last_message_at__lt=Now() - F("patience"))
    )
    pks = silent.order_by("last_message_at").values_list("pk", flat=True)[:BATCH]
    return sum(_guarded(close_when_idle, pk) for pk in list(pks))


def put_back_left() -> int:
    """Let the customers wait again whose agents are gone."""
    is_anybody_here = present_agents(seconds=ONLINE_SECONDS).exists()
    seconds = _attendance.patience(is_anybody_here=is_anybody_here)
    pks = left_behind(seconds=seconds).values_list("pk", flat=True)[:BATCH]
    return sum(_guarded(put_back, pk, seconds=seconds) for pk in list(pks))


def _guarded(step: Callable[..., bool], pk: int, **options: object) -> bool:
    """Do one row's step; a row that is locked or moved on must not hold up those behind it."""
    try:
        return step(pk, **options)
    except (Error, SupportError) as error:
        logger.warning("%s %s left to the next round: %s", step.__name__, pk, type(error).__name__)
        return False
