"""What customers say of themselves stays where it belongs, over a whole turn."""

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.apps import apps
from django.db import connection

from accounts.models import User
from assistant.models import Turn
from assistant.services import resolve_by_agent, send_agent_reply, take_conversation
from assistant.turns import run_turn
from conversations.models import Conversation, Message, Rating, Site
from conversations.services import rate_conversation, start_conversation
from core.background import in_database_thread
from llm.testing import ScriptedEngine, make_answer
from tests.widget.sockets import ChatClient

pytestmark = pytest.mark.django_db(transaction=True)
EMAIL, PHONE, CARD = "anna.berg@example.com", "+44 7700 900123", "4111 1111 1111 1111"
QUESTION = f"I am {EMAIL}, call {PHONE}: how many days do I have to return unused items?"
Ask = Callable[[str], Turn]


@pytest.fixture
def published() -> Iterator[list[Any]]:
    """Whatever is sent to the workers, as it is sent."""
    sent: list[Any] = []

    def note(sender: str, body: Any, headers: Any, **_: object) -> None:
        sent.append((sender, body, headers))

    before_task_publish.connect(note)
    yield sent
    before_task_publish.disconnect(note)


def stored_cards() -> list[str]:
    """Return the tables that hold the card's digits, however they are separated."""
    digits = r"[^0-9]{0,3}".join(CARD.replace(" ", ""))
    tables = [model._meta.db_table for model in apps.get_models() if model._meta.managed]
    with connection.cursor() as cursor:
        found = []
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text ~ %s', [digits])  # noqa: S608
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def says_personal_data(text: str) -> list[str]:
    squeezed = re.sub(r"[\s-]", "", text)
    return [one for one in (EMAIL, PHONE, CARD) if one.replace(" ", "") in squeezed]


async def test_turn_keeps_personal_data_from_logs_tasks_and_the_model(
    ask: Ask, engine: ScriptedEngine, published: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engine.add_script(QUESTION, *make_answer("Return items within 30 days, <EMAIL_1> [1]."))

    for text in (QUESTION, f"And my card {CARD}, cvv 737?"):
        turn = await in_database_thread(ask)(text)
        await run_turn(turn.pk)

    answers = Message.objects.filter(author_kind="assistant").order_by("seq")
    assert EMAIL in (await answers.afirst()).text
    assert engine.requests
    async with asyncio.timeout(10):
        while not published:  # noqa: ASYNC110 - sent by a thread of its own
            await asyncio.sleep(0.01)
    assert says_personal_data(repr(published)) == []
    logged = [f"{record.getMessage()} {record.exc_text}" for record in caplog.records]
    assert says_personal_data("\n".join(logged)) == []
    assert says_personal_data(repr([one.messages for one in engine.requests])) == []


async def test_card_number_when_sent_is_masked_before_it_is_stored(site: Site) -> None:
    _, token = await in_database_thread(start_conversation)(site)

    async with ChatClient(token) as client:
        await client.say(f"my card is {CARD}, cvv: 737")
        echo = await client.wait_for("message")

    assert echo["text"] == "my card is •••• 1111, cvv: •••"
    assert await in_database_thread(stored_cards)() == []
    message = await Message.objects.aget()
    assert message.text == echo["text"]


def test_card_number_when_an_agent_repeats_it_is_masked(
    conversation: Conversation, agent: User
) -> None:
    take_conversation(conversation.pk, agent=agent)

    message = send_agent_reply(conversation.pk, agent=agent, text=f"Is it {CARD}?")

    assert message.text == "Is it •••• 1111?"
    assert stored_cards() == []


def test_card_number_when_in_a_rating_is_masked(conversation: Conversation, agent: User) -> None:
    take_conversation(conversation.pk, agent=agent)
    resolve_by_agent(conversation.pk, agent=agent)

    rate_conversation(conversation.pk, score=2, comment=f"They charged {CARD} twice")

    assert Rating.objects.get().comment == "They charged •••• 1111 twice"
    assert stored_cards() == []


def test_stored_cards_finds_one_that_is_there(conversation: Conversation) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(page_url="4111-1111 11111111")

    assert stored_cards() == [Conversation._meta.db_table]
