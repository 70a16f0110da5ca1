"""Customers who wait for people: their place, and what changes it."""

from typing import Any

import pytest

from accounts.models import User
from assistant import services as assistant
from assistant.models import Turn
from conversations.models import Conversation, Site
from conversations.services import start_conversation
from core.background import in_database_thread
from escalation.services import heard_from
from tests.waiting import until
from tests.widget.sockets import ChatClient
from widget.queue_watch import queue_watch
from widget.state import View, read_view

pytestmark = pytest.mark.django_db(transaction=True)


async def test_hand_off_when_nobody_is_there_keeps_a_place_and_takes_an_email(
    opened: tuple[Conversation, str],
) -> None:
    async with ChatClient(opened[1]) as client:
        await client.say("Hello?")
        await client.send(type="handoff")
        status = await client.wait_for("status", status="waiting")
        assert status["position"] == 1
        assert (await client.wait_for("offline"))["email_saved"] is False
        await client.send(type="contact", email="not an e-mail")
        assert (await client.wait_for("error"))["code"] == "bad_email"
        await client.send(type="contact", email="mia@example.com")
        await client.wait_for("contact_saved")
        conversation = await Conversation.objects.select_related("customer").aget()
        assert conversation.customer.email == "mia@example.com"
        assert not conversation.customer.is_verified


async def test_person_is_asked_for_after_the_first_message_only(
    opened: tuple[Conversation, str],
) -> None:
    async with ChatClient(opened[1]) as client:
        await client.send(type="handoff")
        assert (await client.wait_for("error"))["code"] == "conflict"
        assert (await Conversation.objects.aget()).status == "assistant"
        await client.say("Hello?")
        await client.send(type="handoff")
        await client.wait_for("status", status="waiting")


async def test_assistant_helps_while_nobody_is_there_and_the_place_is_kept(
    opened: tuple[Conversation, str], agent: User
) -> None:
    conversation, token = opened
    async with ChatClient(token) as client:
        await client.say("Hello?")
        await client.send(type="handoff")
        waits = await client.wait_for("status", status="waiting")
        assert waits["people_online"] is False
        await client.wait_for("offline")
        await client.send(type="resume_assistant")
        helped = await client.wait_for("status", status="assistant")
        assert (helped["position"], "people_online" in helped) == (1, False)
        await client.say("Do gift cards expire?")
        assert await Turn.objects.filter(conversation=conversation, state="queued").aexists()
        await in_database_thread(assistant.take_conversation)(conversation.pk, agent=agent)
        assert "position" not in await client.wait_for("status", status="agent")


async def test_customer_who_waits_learns_that_somebody_came(
    opened: tuple[Conversation, str], agent: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.sweeping.SWEEP_SECONDS", 0.1)
    async with ChatClient(opened[1]) as client:
        await client.say("Hello?")
        await client.send(type="handoff")
        await client.wait_for("status", status="waiting", people_online=False)
        await in_database_thread(heard_from)(agent)
        told = await client.wait_for("status", people_online=True)
        assert told["status"] == "waiting"


async def test_customers_who_wait_move_up_without_their_conversations_being_read(
    site: Site, agent: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.sweeping.SWEEP_SECONDS", 0.1)
    monkeypatch.setattr("widget.queue_watch.KEPT_SECONDS", 0.1)
    await in_database_thread(heard_from)(agent)
    first, one = await in_database_thread(start_conversation)(site)
    second, two = await in_database_thread(start_conversation)(site)
    third, three = await in_database_thread(start_conversation)(site)

    async def is_seen_by_all() -> bool:
        return (await queue_watch().look()).place_of(third.pk) is not None

    async with ChatClient(one) as before, ChatClient(two) as next_one, ChatClient(three) as client:
        for place, waiter in enumerate((before, next_one, client), start=1):
            await waiter.say("Hello?")
            await waiter.send(type="handoff")
            await waiter.wait_for("status", status="waiting", position=place)
        # One whom the shared look does not know yet is read.
        await until(is_seen_by_all)
        await in_database_thread(assistant.take_conversation)(first.pk, agent=agent)
        await client.wait_for("status", position=2)
        looked: list[int] = []

        async def is_second_read() -> bool:
            return second.pk in looked

        def look(pk: int, **asked: Any) -> View:
            looked.append(pk)
            return read_view(pk, **asked)

        monkeypatch.setattr("widget.writer.read_view", look)
        await in_database_thread(assistant.take_conversation)(second.pk, agent=agent)
        moved = await client.wait_for("status", position=1)
        assert (moved["status"], moved["people_online"]) == ("waiting", True)
        # The one who was taken is read, the one who only moved up is not.
        await until(is_second_read)
        assert third.pk not in looked
