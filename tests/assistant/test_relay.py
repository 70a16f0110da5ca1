"""The relay: what died, was lost or fell silent comes to an end."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from assistant import claims, relay
from assistant.claims import claim_turn
from assistant.management.commands import relay as relay_command
from assistant.models import Turn
from conversations.models import Conversation, Episode, Message
from conversations.selectors import wants_rating
from escalation.models import HandOff
from tests.customers import say

pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[[str], Turn]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sent: list[int] = []

    def publish(turn_pks: list[int]) -> int:
        sent.extend(turn_pks)
        return len(turn_pks)

    monkeypatch.setattr(relay, "publish_turns", publish)
    return sent


def test_republish_heads_when_a_task_was_lost_sends_it_with_back_off(
    ask: Ask, published: list[int]
) -> None:
    turn = ask("Where is it?")
    assert relay.republish_heads() == 0
    Turn.objects.update(next_publish_at=Now() - timedelta(seconds=10))
    assert relay.republish_heads() == 1
    assert relay.republish_heads() == 0
    assert published == [turn.pk]


def test_republish_expired_when_a_worker_died(ask: Ask, published: list[int]) -> None:
    turn = ask("Where is it?")
    claim_turn(turn.pk)
    Turn.objects.update(next_publish_at=Now() - timedelta(seconds=10))
    assert relay.republish_expired() == 0
    Turn.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert relay.republish_expired() == 1
    again = claim_turn(turn.pk)
    assert again is not None
    assert (again.attempt, again.fence) == (2, 2)


def test_expired_turn_that_had_waited_long_for_its_worker_is_due_with_its_lease(ask: Ask) -> None:
    turn = ask("Where is it?")
    Turn.objects.update(publish_count=4, next_publish_at=Now() + timedelta(seconds=30))
    claim_turn(turn.pk)
    turn.refresh_from_db()
    assert turn.lease_until is not None
    assert turn.next_publish_at <= turn.lease_until


@pytest.mark.parametrize("claimed", [False, True])
def test_run_once_when_the_clock_was_set_back(
    ask: Ask, published: list[int], claimed: bool
) -> None:
    turn = ask("Where is it?")
    if claimed:
        claim_turn(turn.pk)
    hour = timedelta(hours=1)
    Turn.objects.update(
        lease_until=F("lease_until") + hour,
        next_publish_at=F("next_publish_at") + hour,
        deadline_at=F("deadline_at") + hour,
    )
    assert relay.run_once()["pulled_in"] == 1
    assert relay.run_once()["pulled_in"] == 0
    turn.refresh_from_db()
    assert (turn.lease_until is not None) is claimed
    ends = [turn.next_publish_at, turn.deadline_at, turn.lease_until or turn.deadline_at]
    assert max(ends) < timezone.now() + timedelta(minutes=2)


@pytest.mark.parametrize(
    ("claimed", "column", "seconds", "found"),
    [
        (False, "next_publish_at", -10, {"republished": 1, "reclaimed": 0, "failed": 0}),
        # The workers look for it first; a worker that lives has its own next time.
        (False, "next_publish_at", -1, {}),
        (True, "next_publish_at", -10, {}),
        (True, "lease_until", 5, {}),
        (False, "deadline_at", -1, {"republished": 0, "reclaimed": 0, "failed": 1}),
        (True, "deadline_at", -1, {"republished": 0, "reclaimed": 0, "failed": 1}),
    ],
)
def test_bring_back_turns_looks_for_what_is_overdue(
    ask: Ask,
    published: list[int],
    claimed: bool,
    column: str,
    seconds: int,
    found: dict[str, int],
) -> None:
    turn = ask("Where is it?")
    assert relay.bring_back_turns() == {}
    if claimed:
        claim_turn(turn.pk)
    Turn.objects.update(**{column: Now() + timedelta(seconds=seconds)})
    assert relay.bring_back_turns() == found


def test_bring_back_turns_leaves_what_waits_behind_a_running_one(ask: Ask) -> None:
    claim_turn(ask("Where is it?").pk)
    behind = ask("And what does it cost?")
    Turn.objects.filter(pk=behind.pk).update(next_publish_at=Now() - timedelta(seconds=10))
    assert relay.bring_back_turns() == {}


@pytest.mark.parametrize(
    ("statement", "values"), [(claims.OVERDUE, [3]), (claims.PULLING_IN, claims.FURTHEST)]
)
def test_looks_of_each_second_read_no_turn_that_has_ended(
    conversation: Conversation, statement: str, values: object
) -> None:
    ended = {"conversation": conversation, "state": "done", "from_seq": 1, "holder_epoch": 0}
    Turn.objects.bulk_create([Turn(**ended) for _ in range(3_000)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE assistant_turn")
        cursor.execute(f"EXPLAIN {statement}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "turn_queued" in plan or "one_queued_turn" in plan
    assert "Seq Scan" not in plan


def test_bring_back_turns_of_a_dead_worker(ask: Ask, published: list[int]) -> None:
    turn = ask("Where is it?")
    claim_turn(turn.pk)
    long_ago = Now() - timedelta(seconds=10)
    Turn.objects.update(lease_until=long_ago, next_publish_at=long_ago)
    assert relay.bring_back_turns()["reclaimed"] == 1
    assert published == [turn.pk]


@pytest.mark.parametrize("claimed", [False, True])
def test_fail_overdue_ends_with_an_honest_text_and_a_person(ask: Ask, claimed: bool) -> None:
    turn = ask("Where is it?")
    if claimed:
        claim_turn(turn.pk)
    assert relay.fail_overdue() == 0
    Turn.objects.update(deadline_at=Now() - timedelta(seconds=1))
    assert relay.fail_overdue() == 1
    assert relay.fail_overdue() == 0
    turn.refresh_from_db()
    assert (turn.state, turn.hand_off_reason) == ("failed", "model_unavailable")
    assert HandOff.objects.get().state == "waiting"
    said = Message.objects.latest("seq")
    assert "could not answer in time" in said.text
    assert (turn.message, said.public_id) == (said, turn.public_id)


def test_fail_overdue_when_every_attempt_died(ask: Ask) -> None:
    turn = ask("Where is it?")
    for _ in range(4):
        assert claim_turn(turn.pk) is not None
        Turn.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert relay.fail_overdue() == 1


def test_close_idle_assumes_after_silence_and_asks_for_a_rating(
    ask: Ask, conversation: Conversation
) -> None:
    ask("Where is it?")
    Turn.objects.all().delete()
    Message.objects.create(
        conversation=conversation, seq=2, author_kind="assistant", text="There.", is_answer=True
    )
    assert relay.close_idle() == 0
    Conversation.objects.update(last_message_at=timezone.now() - timedelta(hours=1), last_seq=2)
    assert relay.close_idle() == 1
    episode = Episode.objects.get()
    assert (episode.outcome, episode.resolved_by, episode.handled_by) == (
        "assumed", "idle", "assistant",
    )  # fmt: skip
    assert wants_rating(Conversation.objects.get())


def test_close_idle_never_touches_what_waits_for_a_person(
    ask: Ask, conversation: Conversation
) -> None:
    ask("Where is it?")
    Turn.objects.update(deadline_at=Now() - timedelta(seconds=1))
    relay.fail_overdue()
    Conversation.objects.update(last_message_at=timezone.now() - timedelta(days=3))
    assert relay.close_idle() == 0


def test_message_after_the_end_reopens_as_a_new_episode(
    ask: Ask, conversation: Conversation
) -> None:
    from assistant.services import end_by_customer

    ask("Where is it?")
    end_by_customer(conversation.pk)
    assert Turn.objects.get().state == "cancelled"
    say(conversation, "Hello again")
    conversation.refresh_from_db()
    assert (conversation.status, conversation.episode) == ("assistant", 2)
    assert Turn.objects.filter(state="queued").count() == 1


def test_relay_looks_for_turns_each_round_and_after_the_rest_each_fifth(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds: list[str] = []

    def look_at_all() -> dict[str, int]:
        rounds.append("all")
        if rounds.count("all") == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return {}

    def look_at_turns() -> dict[str, int]:
        rounds.append("turns")
        return {}

    monkeypatch.setattr(relay_command, "ROUND_SECONDS", 0)
    monkeypatch.setattr(relay_command, "run_once", look_at_all)
    monkeypatch.setattr(relay_command, "bring_back_turns", look_at_turns)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        relay_command.Command().handle()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert rounds == ["all", *["turns"] * 4, "all"]
