"""Customers whose agent is not there any more: a colleague takes over, or they wait again."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from accounts.models import User
from assistant import relay
from assistant.left_behind import GONE_SECONDS, GONE_UNSEEN_SECONDS, Attendance
from assistant.models import Turn
from assistant.relay import run_once
from assistant.services import (
    end_by_customer,
    request_person,
    send_agent_reply,
    take_conversation,
)
from conversations.models import Conversation, Episode, Message
from conversations.services import append_message, lock_conversation
from escalation.models import AgentProfile, HandOff
from escalation.selectors import AWAY_SECONDS
from escalation.services import heard_from, left
from tests.customers import say
from tests.desk.conftest import url_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def held(waiting: Conversation, other_agent: User) -> Conversation:
    """A conversation that a colleague of the desk's agent took."""
    heard_from(other_agent)
    return take_conversation(waiting.pk, agent=other_agent)


def go(agent: User, *, seconds: float) -> None:
    """Let it be so long ago that an agent was at the desk."""
    gone = Now() - timedelta(seconds=seconds)
    AgentProfile.objects.filter(user=agent).update(last_seen_at=gone)


def last_words(conversation: Conversation) -> str:
    said = Message.objects.filter(conversation=conversation).order_by("-seq")
    return said.values_list("text", flat=True)[0]


def test_colleague_takes_over_once_the_agent_left(
    desk: Client, agent: User, other_agent: User, held: Conversation
) -> None:
    assert "Take over" not in desk.get(url_of("conversation", held)).content.decode()
    answer = desk.post(url_of("take_over", held), headers={"Accept": "application/json"})
    assert (answer.status_code, "at the desk" in answer.json()["detail"]) == (409, True)
    go(other_agent, seconds=AWAY_SECONDS + 1)
    assert "Take over" in desk.get(url_of("conversation", held)).content.decode()
    assert "you may take over" in desk.get("/admin/escalation/handoff/").content.decode()
    # A click on *Take*, on a page from before, takes nothing from a colleague.
    assert (
        desk.post(url_of("take", held), headers={"Accept": "application/json"}).status_code == 409
    )
    desk.post(url_of("take_over", held))
    held.refresh_from_db()
    assert (held.status, held.agent) == ("agent", agent)
    assert HandOff.objects.get().taken_by == agent
    assert last_words(held) == f"You are now talking to {agent.public_name}."


def test_agent_who_takes_no_new_ones_keeps_theirs(
    desk: Client, agent: User, other_agent: User, held: Conversation
) -> None:
    AgentProfile.objects.filter(user=other_agent).update(is_available=False)
    left(other_agent)
    # A page that was closed says little: another one may be open.
    desk.post(url_of("take_over", held))
    held.refresh_from_db()
    assert held.agent == other_agent


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch, agent: User) -> None:
    """Let somebody have been at the desk for a while."""
    heard_from(agent)
    clock = iter([0.0, *(float(at) for at in range(0, 10_000, 10))])
    attendance = Attendance(clock=lambda: next(clock))
    for _ in range(10):
        attendance.patience(is_anybody_here=True)
    monkeypatch.setattr(relay, "_attendance", attendance)


def test_customer_of_an_agent_who_is_gone_waits_again(
    other_agent: User, held: Conversation, steady: None
) -> None:
    send_agent_reply(held.pk, agent=other_agent, text="One moment, please.")
    first_taken = HandOff.objects.get().taken_at
    go(other_agent, seconds=GONE_SECONDS + 1)
    # Nothing is unanswered yet.
    assert run_once()["put_back"] == 0
    say(held, "Hello? Are you there?")
    go(other_agent, seconds=GONE_SECONDS - 30)
    assert run_once()["put_back"] == 0
    go(other_agent, seconds=GONE_SECONDS + 1)
    assert [run_once()["put_back"] for _ in range(2)] == [1, 0]
    held.refresh_from_db()
    assert (held.status, held.agent) == ("waiting", None)
    hand_off = HandOff.objects.get()
    assert (hand_off.state, hand_off.taken_by) == ("waiting", None)
    assert hand_off.taken_at == first_taken
    assert "had to leave" in last_words(held)
    end_by_customer(held.pk)
    ended = Episode.objects.get(conversation=held)
    assert (ended.handled_by, ended.outcome) == ("nobody", "abandoned")


def test_customer_who_asked_for_a_person_after_an_answer_waits_again(
    conversation: Conversation, other_agent: User, steady: None
) -> None:
    say(conversation, "Where is it?")
    Turn.objects.all().delete()
    append_message(
        lock_conversation(conversation.pk), author_kind="assistant", text="There.", is_answer=True
    )
    request_person(conversation.pk)
    take_conversation(conversation.pk, agent=other_agent)
    go(other_agent, seconds=GONE_SECONDS + 1)
    assert run_once()["put_back"] == 1


def test_agents_are_not_gone_where_the_desk_was_out_of_reach(
    other_agent: User, held: Conversation
) -> None:
    go(other_agent, seconds=GONE_UNSEEN_SECONDS - 30)
    assert run_once()["put_back"] == 0
    go(other_agent, seconds=GONE_UNSEEN_SECONDS + 1)
    assert run_once()["put_back"] == 1


def test_attendance_is_steady_after_a_minute_without_a_gap() -> None:
    looks = [
        (0, False), (10, True), (40, True), (69, True), (70, True), (110, True), (140, True),
        (170, True), (175, False), (180, True),
    ]  # fmt: skip
    times = iter([0.0, *(float(at) for at, _ in looks)])
    attendance = Attendance(clock=lambda: next(times))
    told = [attendance.patience(is_anybody_here=is_here) for _, is_here in looks]
    assert [
        at for (at, _), seconds in zip(looks, told, strict=True) if seconds == GONE_SECONDS
    ] == [
        70,
        170,
    ]
