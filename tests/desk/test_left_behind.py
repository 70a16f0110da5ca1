"""Customers whose agent is not there any more: a colleague takes over, or they wait again."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client

from accounts.models import User
from assistant.relay import run_once
from assistant.services import send_agent_reply, take_conversation
from conversations.models import Conversation, Message
from escalation.models import AgentProfile, HandOff
from escalation.selectors import GONE_SECONDS
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
    """Let it be so long ago that an agent closed the desk."""
    left(agent)
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
    left(other_agent)
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


def test_colleague_takes_over_from_an_agent_who_is_not_free(
    desk: Client, agent: User, other_agent: User, held: Conversation
) -> None:
    AgentProfile.objects.filter(user=other_agent).update(is_available=False)
    desk.post(url_of("take_over", held))
    held.refresh_from_db()
    assert held.agent == agent


def test_customer_of_an_agent_who_is_gone_waits_again(
    other_agent: User, held: Conversation
) -> None:
    send_agent_reply(held.pk, agent=other_agent, text="One moment, please.")
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
    assert "had to leave" in last_words(held)
