"""What grew old is deleted in batches; what is young, held or a turn stays."""

from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.utils import timezone
from pytest_django import Settings

from assistant import pruning
from assistant.models import Reservation, Spend, Turn, TurnRecord
from assistant.pruning import prune
from conversations.models import Conversation

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TURN_RECORDS_KEPT_DAYS, settings.SPENDING_KEPT_DAYS = 10, 20
    monkeypatch.setattr(pruning, "BATCH", 2)


def record_of(conversation: Conversation, *, days: int) -> Turn:
    """Return a turn whose record is as old as that."""
    then = timezone.now() - days * DAY
    turn = Turn.objects.create(
        conversation=conversation, state="done", from_seq=1, holder_epoch=0, created_at=then
    )
    TurnRecord.objects.create(turn=turn, data={"question": "?"}, created_at=then)
    return turn


def spent(*, days: int, state: str = "settled") -> None:
    """Book a use of a model of that long ago."""
    day = timezone.now().date() - days * DAY
    Spend.objects.create(scope="total", scope_key=f"{state} {days}", day=day)
    Reservation.objects.create(purpose="answer", tier="small", state=state, day=day, scopes=[])


def test_old_records_are_deleted_over_several_batches_and_their_turns_stay(
    conversation: Conversation,
) -> None:
    turns = [record_of(conversation, days=days) for days in (14, 13, 12, 3, 11, 9, 0)]
    assert prune() == 4
    assert set(TurnRecord.objects.values_list("turn", flat=True)) == {
        turns[3].pk, turns[5].pk, turns[6].pk
    }  # fmt: skip
    assert Turn.objects.count() == len(turns)
    assert prune() == 0


def test_old_spending_is_deleted_by_its_own_time_but_not_what_is_held() -> None:
    spent(days=30, state="held")
    for days in (25, 24, 23, 22, 20, 15):
        spent(days=days)
    # Four of each, and the sum that the held one was part of.
    assert prune() == 4 + 4 + 1
    left = Reservation.objects.values_list("state", flat=True)
    assert sorted(left) == ["held", "settled", "settled"]
    assert Spend.objects.count() == 2
    assert prune() == 0


def test_beat_prunes_by_a_task_that_exists(conversation: Conversation) -> None:
    record_of(conversation, days=11)
    entry = django_settings.CELERY_BEAT_SCHEDULE["prune"]
    current_app.loader.import_default_modules()
    current_app.tasks[str(entry["task"])].run()
    assert not TurnRecord.objects.exists()
