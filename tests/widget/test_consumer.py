"""The customer's socket: handshake, frames, order, resume, abuse."""

import asyncio
import json
import uuid
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.db import transaction

from accounts.models import User
from assistant import services as assistant
from assistant.models import Turn
from conversations.models import Conversation, Message, Rating, Site
from conversations.services import append_message, lock_conversation
from core.background import in_database_thread
from escalation.services import heard_from
from tests.widget.sockets import ChatClient
from widget import consumers
from widget.consumers import ChatConsumer

pytestmark = pytest.mark.django_db(transaction=True)


def write(conversation: Conversation, text: str) -> Message:
    with transaction.atomic():
        return append_message(
            lock_conversation(conversation.pk), author_kind=Message.Author.SYSTEM, text=text
        )


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://shop.example.com.evil.example",
        "https://eshop.example.com",
        "http://shop.example.com",
        "https://shop.example.com:8443",
        "",
    ],
)
async def test_handshake_when_the_origin_is_foreign_is_refused(
    opened: tuple[Conversation, str], origin: str
) -> None:
    headers = [(b"origin", origin.encode())]
    socket = WebsocketCommunicator(ChatConsumer.as_asgi(), "/ws/chat/", headers=headers)
    connected, code = await socket.connect()
    assert (connected, code) == (False, 4403)


async def test_hello_when_the_origin_is_another_sites_is_forbidden(
    opened: tuple[Conversation, str],
) -> None:
    await Site.objects.acreate(key="b", name="B", allowed_origins=["https://b.example"])
    client = ChatClient(opened[1], origin="https://b.example")
    await client.socket.connect()
    await client.send(type="hello", token=opened[1], after=0)
    assert (await client.wait_for("error"))["code"] == "forbidden"
    await client.send(type="ping")
    assert (await client.wait_for("error"))["code"] == "unauthorized"


@pytest.mark.parametrize("token", ["", "x", "y" * 43, "\x00" * 43])
async def test_hello_when_the_token_is_unknown_closes(site: Site, token: str) -> None:
    client = ChatClient(token)
    await client.socket.connect()
    await client.send(type="hello", token=token, after=0)
    assert await client.closed_with() == 4401
    assert client.frames[0]["code"] == "unauthorized"


async def test_socket_when_silent_is_closed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "HELLO_SECONDS", 0.05)
    client = ChatClient("")
    await client.socket.connect()
    assert await client.closed_with() == 4401


async def test_message_is_acknowledged_after_the_commit_and_echoed_in_order(
    opened: tuple[Conversation, str],
) -> None:
    async with ChatClient(opened[1]) as client:
        ack = await client.say("Hello?")
        assert await Message.objects.filter(public_id=ack["message"], seq=1).aexists()
        echo = await client.wait_for("message")
        assert (echo["seq"], echo["text"], echo["client_id"]) == (1, "Hello?", ack["client_id"])
        assert await Turn.objects.acount() == 1


async def test_message_when_resent_is_stored_once(opened: tuple[Conversation, str]) -> None:
    client_id = str(uuid.uuid4())
    async with ChatClient(opened[1]) as client:
        acks = [await client.say("Hello?", client_id=client_id) for _ in range(3)]
    async with ChatClient(opened[1]) as again:
        acks.append(await again.say("Hello?", client_id=client_id))
        assert again.seqs() == [1]
    assert len({ack["message"] for ack in acks}) == 1
    assert await Message.objects.acount() == 1
    assert await Turn.objects.acount() == 1


async def test_resume_yields_each_message_once_in_order(
    opened: tuple[Conversation, str],
) -> None:
    conversation, token = opened
    for number in range(450):
        await in_database_thread(write)(conversation, f"m{number}")
    async with ChatClient(token, after=7) as client:
        while client.seqs()[-1] < 450:
            await client.wait_for("message")
        assert client.seqs() == list(range(8, 451))


async def test_two_tabs_see_the_same_while_others_write(
    opened: tuple[Conversation, str],
) -> None:
    conversation, token = opened
    async with ChatClient(token) as one, ChatClient(token) as two:
        await asyncio.gather(
            *(in_database_thread(write)(conversation, f"m{number}") for number in range(20))
        )
        for tab in (one, two):
            while len(tab.seqs()) < 20:
                await tab.wait_for("message")
            assert tab.seqs() == list(range(1, 21))


async def test_lost_hints_are_healed_by_the_sweep(
    opened: tuple[Conversation, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conversations.sweeping.SWEEP_SECONDS", 0.1)
    conversation, token = opened
    async with ChatClient(token) as client:
        monkeypatch.setattr("core.realtime.publish_soon", lambda *_: None)
        await in_database_thread(write)(conversation, "nobody hints at this")
        assert (await client.wait_for("message"))["seq"] == 1


BAD_FRAMES = [
    "{",
    "[]",
    "null",
    '"hello"',
    "{}",
    '{"type": 7}',
    '{"type": "nonsense"}',
    '{"type": "message"}',
    '{"type": "message", "client_id": "x", "text": "a"}',
    '{"type": "message", "client_id": null, "text": "a"}',
    '{"type": "typing", "on": "yes"}',
    '{"type": "read", "seq": -1}',
    '{"type": "read", "seq": 1e99}',
    '{"type": "feedback", "message": "x", "helpful": true}',
    "[" * 5000,
]


@pytest.mark.parametrize("text", BAD_FRAMES)
async def test_bad_frame_costs_an_error_and_nothing_else(
    opened: tuple[Conversation, str], text: str
) -> None:
    async with ChatClient(opened[1]) as client:
        await client.socket.send_to(text_data=text)
        assert (await client.wait_for("error"))["code"] == "bad_frame"
        await client.send(type="ping")
        await client.wait_for("pong")


async def test_binary_frame_is_a_bad_frame(opened: tuple[Conversation, str]) -> None:
    async with ChatClient(opened[1]) as client:
        await client.socket.send_to(bytes_data=b"\x00\xff")
        assert (await client.wait_for("error"))["code"] == "bad_frame"


async def test_ten_bad_frames_in_a_minute_close(opened: tuple[Conversation, str]) -> None:
    async with ChatClient(opened[1]) as client:
        for _ in range(10):
            await client.socket.send_to(text_data="{")
        assert await client.closed_with() == 4400
        assert len(client.of("error")) == 10


async def test_frame_over_64_kib_closes(opened: tuple[Conversation, str]) -> None:
    async with ChatClient(opened[1]) as client:
        await client.socket.send_to(text_data=json.dumps({"type": "ping", "x": "a" * 65_536}))
        assert await client.closed_with() == 4413


async def test_flood_is_slowed_and_then_closed(opened: tuple[Conversation, str]) -> None:
    async with ChatClient(opened[1]) as client:
        for _ in range(400):
            await client.socket.send_to(text_data='{"type": "ping"}')
        assert await client.closed_with() == 4429
        assert client.of("error")[0]["code"] == "rate_limited"


@pytest.mark.parametrize(
    ("text", "code"),
    [("x" * 4001, "too_long"), ("  ", "bad_input"), ("a\x00b", "bad_input")],
)
async def test_message_when_bad_names_its_client_id(
    opened: tuple[Conversation, str], text: str, code: str
) -> None:
    client_id = str(uuid.uuid4())
    async with ChatClient(opened[1]) as client:
        await client.send(type="message", client_id=client_id, text=text)
        error = await client.wait_for("error")
        assert (error["code"], error["client_id"]) == (code, client_id)
    assert not await Message.objects.aexists()


async def test_message_with_markup_comes_back_escaped(opened: tuple[Conversation, str]) -> None:
    async with ChatClient(opened[1]) as client:
        await client.say("<img src=x onerror=alert(1)> **bold**")
        echo = await client.wait_for("message")
        assert "<img" not in echo["html"]
        assert "**bold**" in echo["html"]


async def test_messages_past_the_rate_say_when_to_come_back(
    opened: tuple[Conversation, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("widget.limits.MESSAGES_A_MINUTE", 2)
    async with ChatClient(opened[1]) as client:
        for text in ("one", "two"):
            await client.say(text)
        await client.send(type="message", client_id=str(uuid.uuid4()), text="three")
        error = await client.wait_for("error")
        assert error["code"] == "rate_limited"
        assert error["retry_after"] > 0


async def test_story_with_an_agent_until_the_rating(
    opened: tuple[Conversation, str], agent: User
) -> None:
    conversation, token = opened
    await in_database_thread(heard_from)(agent)
    async with ChatClient(token) as client:
        await client.say("Hello?")
        await client.send(type="handoff", reason="It is complicated")
        await client.wait_for("status", status="waiting")
        await in_database_thread(assistant.take_conversation)(conversation.pk, agent=agent)
        assert (await client.wait_for("status", status="agent"))["agent"] == "Ana"
        await in_database_thread(assistant.send_agent_reply)(
            conversation.pk, agent=agent, text="I am **here**."
        )
        reply = await client.wait_for("message", text="I am **here**.")
        assert reply["author"] == {"kind": "agent", "name": "Ana"}
        assert "<strong>here</strong>" in reply["html"]
        await in_database_thread(assistant.resolve_by_agent)(conversation.pk, agent=agent)
        await client.wait_for("status", status="resolved")
        await client.wait_for("rating_request")
        await client.send(type="rate", score=5, comment="Quick!")
        await client.wait_for("rated")
        assert client.seqs() == list(range(1, len(client.seqs()) + 1))
        assert not client.of("offline")
    assert await Rating.objects.filter(score=5, comment="Quick!").aexists()


async def test_preview_hints_reach_only_the_assistants_conversation(
    opened: tuple[Conversation, str], agent: User
) -> None:
    from core.realtime import conversation_group, publish_soon

    conversation, token = opened

    def hint(message: str, offset: int, text: str) -> None:
        publish_soon(
            conversation_group(conversation.public_id),
            {
                "type": "delta",
                "conversation": str(conversation.public_id),
                "message": message,
                "attempt": 10,
                "offset": offset,
                "text": text,
            },
        )

    async with ChatClient(token) as client:
        message = str(uuid.uuid4())
        hint(message, 0, "Hel")
        hint(message, 3, "lo")
        hint(message, 3, "lo")
        deltas: list[dict[str, Any]] = [await client.wait_for("delta") for _ in range(2)]
        assert [(one["offset"], one["text"]) for one in deltas] == [(0, "Hel"), (3, "lo")]
        await in_database_thread(assistant.take_conversation)(conversation.pk, agent=agent)
        await client.wait_for("status", status="agent")
        hint(message, 5, " late")
        await client.send(type="ping")
        await client.wait_for("pong")
        await in_database_thread(write)(conversation, "after")
        await client.wait_for("message", text="after")
        assert len(client.of("delta")) == 2


@pytest.mark.timeout(60)
async def test_socket_that_idles_for_seven_seconds_still_gets_hints(
    opened: tuple[Conversation, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """redis-py 8 with channels_redis 4.3.0 dropped idle sockets after five seconds."""
    monkeypatch.setattr("conversations.sweeping.SWEEP_SECONDS", 3600)
    conversation, token = opened
    async with ChatClient(token) as client:
        await client.wait_for("status")
        assert await client.socket.receive_nothing(timeout=7)
        await in_database_thread(write)(conversation, "still there?")
        frame = await client.wait_for("message", seconds=2)
        assert frame["text"] == "still there?"
