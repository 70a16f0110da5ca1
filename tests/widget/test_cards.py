"""Cards on the wire: in their messages, as updates, decided by frame and by HTTP."""

import json
import uuid
from collections.abc import Callable

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from assistant.actions import propose, show_card
from assistant.carrying_out import carry_out
from assistant.models import ToolCall
from assistant.relay import run_once
from assistant.tools import Caller, Card
from assistant.tools.registry import registered_tools
from conversations.models import Conversation, Message, Site
from conversations.services import append_message, lock_conversation, start_conversation
from core.background import in_database_thread
from tests.assistant.acting import Number, Shop
from tests.assistant.acting import shop as shop  # noqa: PLC0414 - a fixture
from tests.widget.sockets import ChatClient
from tests.widget.test_api import bearer

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY = Caller(site_key="shop", is_verified=False, external_id="", email="")


@pytest.fixture
def card(shop: Shop, opened: tuple[Conversation, str]) -> ToolCall:
    """A card that waits, in the conversation's only message."""
    return add_card(opened[0])


def add_card(conversation: Conversation) -> ToolCall:
    """Store a proposal and the message that shows it."""
    (tool,) = [one for one in registered_tools() if one.name == "cancel_order"]
    asked = Card("Cancel order HP-12345?", ("You get your <b>money</b> back.",))
    with transaction.atomic():
        locked = lock_conversation(conversation.pk)
        proposal = propose(
            tool,
            Number(number="HP-12345"),
            asked,
            caller=NOBODY,
            conversation_pk=conversation.pk,
            turn_pk=None,
            redact=str,
        )
        message = append_message(locked, author_kind=Message.Author.ASSISTANT, text=proposal.text)
        show_card(proposal.call_pk, conversation=locked, message=message)
    return ToolCall.objects.get(pk=proposal.call_pk)


async def test_card_comes_with_its_message_and_moves_on_for_all_tabs(
    shop: Shop, opened: tuple[Conversation, str], card: ToolCall
) -> None:
    call = str(card.public_id)
    async with ChatClient(opened[1]) as one, ChatClient(opened[1]) as other:
        (shown,) = one.of("welcome")[0]["messages"]
        assert shown["card"] == {
            "call": call,
            "title": "Cancel order HP-12345?",
            "lines": ["You get your <b>money</b> back."],
            "state": "proposed",
            "expires_at": card.expires_at.isoformat() if card.expires_at else None,
        }
        assert "<b>money" not in shown["html"]
        await one.send(type="confirm", call=call, accept=True)
        for tab in (one, other):
            await tab.wait_for("card", call=call, state="confirmed")
        await carry_out(card.pk)
        for tab in (one, other):
            # In either order: the end of the act and the words about it are two rows.
            await tab.wait_for("card", call=call, state="done")
            if not tab.of("message"):
                await tab.wait_for("message")
            states = [frame["state"] for frame in tab.of("card")]
            assert states == sorted(states, key=["confirmed", "working", "done"].index)
            assert [frame["text"] for frame in tab.of("message")] == [
                "Order HP-12345 is cancelled."
            ]
    async with ChatClient(opened[1]) as reloaded:
        (first, *_) = reloaded.of("welcome")[0]["messages"]
        assert first["card"]["state"] == "done"
    assert len(shop.cancelled) == 1


async def test_card_that_moved_on_while_away_is_told_after_the_welcome(
    opened: tuple[Conversation, str], card: ToolCall
) -> None:
    await ToolCall.objects.aupdate(expires_at=timezone.now())
    await in_database_thread(run_once)()
    async with ChatClient(opened[1], after=1) as client:
        await client.wait_for("card", call=str(card.public_id), state="expired")
        assert client.of("welcome")[0]["messages"] == []


async def test_click_again_is_told_how_it_stands(
    shop: Shop, opened: tuple[Conversation, str], card: ToolCall
) -> None:
    async with ChatClient(opened[1]) as client:
        await client.send(type="confirm", call=str(card.public_id), accept=False)
        await client.wait_for("card", state="cancelled")
        await client.send(type="confirm", call=str(card.public_id), accept=True)
        await client.wait_for("card", state="cancelled")
    assert shop.cancelled == []


async def test_card_of_another_conversation_is_not_found(
    site: Site, shop: Shop, opened: tuple[Conversation, str], card: ToolCall
) -> None:
    _, token = await in_database_thread(start_conversation)(site)
    async with ChatClient(token) as stranger:
        await stranger.send(type="confirm", call=str(card.public_id), accept=True)
        refused = await stranger.wait_for("error")
    assert (refused["code"], refused["call"]) == ("not_found", str(card.public_id))
    assert (await ToolCall.objects.aget()).state == "proposed"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"call": "x", "accept": True},
        {"call": str(uuid.uuid4())},
        {"call": str(uuid.uuid4()), "accept": "yes"},
        {"call": str(uuid.uuid4()), "accept": 1},
    ],
)
async def test_confirm_frame_that_is_none_is_a_bad_frame(
    opened: tuple[Conversation, str], fields: dict[str, object]
) -> None:
    async with ChatClient(opened[1]) as client:
        await client.send(type="confirm", **fields)
        assert (await client.wait_for("error"))["code"] == "bad_frame"


@pytest.fixture
def http(
    client: Client, opened: tuple[Conversation, str]
) -> Callable[..., tuple[int, dict[str, object]]]:
    def post(body: object, *, token: str = opened[1]) -> tuple[int, dict[str, object]]:
        url = f"/api/v1/conversations/{opened[0].public_id}/confirm"
        answer = client.post(
            url, json.dumps(body), content_type="application/json", headers=bearer(token)
        )
        return answer.status_code, answer.json()

    return post


def test_confirm_by_http_is_the_same_click(
    http: Callable[..., tuple[int, dict[str, object]]], card: ToolCall
) -> None:
    call = str(card.public_id)
    for _ in range(2):
        assert http({"call": call, "accept": True}) == (200, {"call": call, "state": "confirmed"})
    assert http({"call": call, "accept": False})[1]["state"] == "confirmed"


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"call": "x", "accept": True}, 400), ({"call": "", "accept": 1}, 400), ([], 400),
     ({"call": str(uuid.uuid4()), "accept": True}, 404)],
)  # fmt: skip
def test_confirm_by_http_that_is_wrong_is_refused(
    http: Callable[..., tuple[int, dict[str, object]]], body: object, status: int
) -> None:
    assert http(body)[0] == status


def test_confirm_by_http_with_a_foreign_token_is_refused(
    http: Callable[..., tuple[int, dict[str, object]]], card: ToolCall, site: Site
) -> None:
    _, token = start_conversation(site)
    body = {"call": str(card.public_id), "accept": True}
    assert http(body, token=token)[0] == 404
    assert http(body, token="x" * 43)[0] == 401
    assert ToolCall.objects.get().state == "proposed"


def test_messages_by_http_show_their_cards(
    client: Client, opened: tuple[Conversation, str], card: ToolCall
) -> None:
    url = f"/api/v1/conversations/{opened[0].public_id}/messages"
    (message,) = client.get(url, headers=bearer(opened[1])).json()["messages"]
    assert message["card"]["state"] == "proposed"
