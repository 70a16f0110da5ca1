"""The staff's socket, through the whole ASGI application and the real channel layer."""

import asyncio
import json
import uuid
from typing import Any, Self

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from assistant.services import take_conversation
from conversations.models import Conversation, Site
from core.realtime import conversation_group, publish_soon
from desk import consumers, presence
from escalation.selectors import online_agents
from supportbot.asgi import application
from tests.conftest import make_user
from tests.desk.conftest import browser_of, make_waiting
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


class DeskSocket:
    """One desk page's socket; every wait has a deadline."""

    def __init__(self, browser: Client | None, *, origin: str = settings.PUBLIC_URL) -> None:
        headers = [(b"origin", origin.encode())]
        if browser is not None:
            cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        self.socket = WebsocketCommunicator(application, "/ws/desk/", headers=headers)

    async def __aenter__(self) -> Self:
        connected, _ = await self.socket.connect(timeout=10)
        assert connected
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.disconnect()

    async def send(self, **frame: object) -> None:
        await self.socket.send_to(text_data=json.dumps(frame))

    async def wait_for(self, kind: str, *, seconds: float = 10, **fields: object) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            while True:
                frame = json.loads(await self.socket.receive_from(seconds))
                if frame["type"] == kind and all(frame.get(k) == v for k, v in fields.items()):
                    return dict(frame)

    async def closed_with(self, *, seconds: float = 10) -> int:
        async with asyncio.timeout(seconds):
            while True:
                event = await self.socket.receive_output(seconds)
                if event["type"] == "websocket.close":
                    return int(event["code"])

    async def watch(self, conversation: Conversation) -> dict[str, Any]:
        await self.send(type="watch", conversation=str(conversation.public_id))
        return await self.wait_for("conversation")


make_waiting_soon = sync_to_async(make_waiting)
take_soon = sync_to_async(take_conversation)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.0)
    monkeypatch.setattr(consumers, "BEAT_SECONDS", 0.2)
    monkeypatch.setattr(presence, "GRACE_SECONDS", 0.2)


async def seen(agent: User) -> bool:
    return await online_agents().filter(user=agent).aexists()


async def test_an_agent_hears_of_a_hand_off(desk: Client, site: Site) -> None:
    async with DeskSocket(desk) as socket:
        await socket.wait_for("pong") if await socket.send(type="ping") else None
        conversation = await make_waiting_soon(site)
        frame = await socket.wait_for("hand_off", seconds=2)
        assert frame["conversation"] == str(conversation.public_id)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://testserver.evil.example"]
)
async def test_a_foreign_origin_is_refused_even_with_the_cookie(desk: Client, origin: str) -> None:
    socket = DeskSocket(desk, origin=origin)
    connected, _ = await socket.socket.connect(timeout=10)
    assert not connected


async def test_nobody_without_the_permission_gets_in(site: Site) -> None:
    clerk = await User.objects.acreate_user("clerk", password="clerk", is_staff=True)
    outsider = await sync_to_async(make_user)("pat", role="agent")
    await User.objects.filter(pk=outsider.pk).aupdate(is_staff=False)
    browsers = [await sync_to_async(browser_of)(user) for user in (clerk, outsider)]
    for browser in (None, *browsers):
        connected, _ = await DeskSocket(browser).socket.connect(timeout=10)
        assert not connected


async def test_losing_the_role_closes_the_socket_before_the_next_event(
    desk: Client, agent: User, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "BEAT_SECONDS", 60.0)
    async with DeskSocket(desk) as socket:
        await agent.groups.aclear()
        await make_waiting_soon(site)
        assert await socket.closed_with() == 4403


async def test_logging_out_closes_the_socket(desk: Client) -> None:
    async with DeskSocket(desk) as socket:
        await sync_to_async(desk.logout)()
        assert await socket.closed_with() == 4403


async def test_a_watched_conversation_is_told_of_with_its_number(
    desk: Client, other_agent: User, waiting: Conversation
) -> None:
    async with DeskSocket(desk) as socket:
        head = await socket.watch(waiting)
        assert (head["seq"], head["revision"]) == (waiting.last_seq, waiting.revision)
        await take_soon(waiting.pk, agent=other_agent)
        frame = await socket.wait_for("conversation", seq=waiting.last_seq + 1)
        assert frame["conversation"] == str(waiting.public_id)


async def test_watching_an_unknown_conversation_is_refused(
    desk: Client, waiting: Conversation
) -> None:
    async with DeskSocket(desk) as socket:
        await socket.send(type="watch", conversation=str(uuid.uuid4()))
        assert (await socket.wait_for("error"))["code"] == "not_found"


async def test_pieces_reach_only_those_who_watch_that_conversation(
    desk: Client, site: Site, waiting: Conversation
) -> None:
    other = await make_waiting_soon(site)
    async with DeskSocket(desk) as socket:
        await socket.watch(waiting)
        for conversation, text in ((other, "theirs"), (waiting, "ours")):
            hint = {"type": "delta", "conversation": str(conversation.public_id), "message": "m"}
            # One group carries the deltas of many conversations.
            publish_soon(
                conversation_group(waiting.public_id),
                {**hint, "attempt": 1, "offset": 0, "text": text},
            )
        assert (await socket.wait_for("delta"))["text"] == "ours"


async def test_the_customers_typing_is_shown_and_ones_own_is_not(
    desk: Client, waiting: Conversation
) -> None:
    async with DeskSocket(desk) as socket:
        await socket.watch(waiting)
        for origin in ("agent", "customer"):
            publish_soon(
                conversation_group(waiting.public_id),
                {
                    "type": "typing",
                    "conversation": str(waiting.public_id),
                    "author": {"kind": origin, "name": origin},
                    "on": True,
                    "origin": origin,
                },
            )
        assert (await socket.wait_for("typing"))["author"]["kind"] == "customer"


async def test_only_the_holders_typing_is_passed_on(
    desk: Client,
    other_desk: Client,
    other_agent: User,
    waiting: Conversation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published: list[dict[str, Any]] = []
    monkeypatch.setattr(consumers, "publish_soon", lambda _group, hint: published.append(hint))
    await take_soon(waiting.pk, agent=other_agent)
    async with DeskSocket(desk) as stranger, DeskSocket(other_desk) as holder:
        for socket in (stranger, holder):
            await socket.watch(waiting)
            await socket.send(type="typing", on=True)
            await socket.send(type="ping")
            await socket.wait_for("pong")
    assert [hint["author"]["name"] for hint in published] == ["Ben"]


@pytest.mark.parametrize(
    "frame",
    ["", "nonsense", "[]", "{}", '{"type":"take"}', '{"type":"watch"}', '{"type":"typing","on":1}'],
)
async def test_a_bad_frame_costs_an_error_and_no_more(desk: Client, frame: str) -> None:
    async with DeskSocket(desk) as socket:
        await socket.socket.send_to(text_data=frame or " ")
        assert (await socket.wait_for("error"))["code"] == "bad_frame"
        await socket.send(type="ping")
        await socket.wait_for("pong")


async def test_huge_and_binary_frames_close_the_socket(desk: Client) -> None:
    async with DeskSocket(desk) as socket:
        await socket.socket.send_to(text_data="x" * 5_000)
        assert await socket.closed_with() == 4413
    async with DeskSocket(desk) as socket:
        await socket.socket.send_to(bytes_data=b"x")
        assert await socket.closed_with() == 4413


async def test_a_lost_hint_is_healed(
    desk: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with DeskSocket(desk) as socket:
        await socket.send(type="ping")
        await socket.wait_for("pong")
        monkeypatch.setattr("core.realtime.publish_soon", lambda *_: None)
        await make_waiting_soon(site)
        await socket.wait_for("queue")


async def test_an_agent_is_there_while_a_page_is_open_and_gone_after(
    desk: Client, agent: User
) -> None:
    async with DeskSocket(desk):
        await until(lambda: seen(agent))
        async with DeskSocket(desk):
            pass
        assert await seen(agent)

    async def gone() -> bool:
        return not await seen(agent)

    await until(gone)


async def test_a_role_given_back_lets_the_agent_in_again(desk: Client, agent: User) -> None:
    await agent.groups.aclear()
    connected, _ = await DeskSocket(desk).socket.connect(timeout=10)
    assert not connected
    await agent.groups.aadd(await Group.objects.aget(name="agent"))
    async with DeskSocket(desk) as socket:
        await socket.send(type="ping")
        await socket.wait_for("pong")
