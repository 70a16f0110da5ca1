"""What an address and a site may send, and how many sockets may stay nameless."""

import pytest
from channels.testing import WebsocketCommunicator
from pytest_django import Settings

from conversations.models import Conversation, Site
from conversations.services import start_conversation
from core.errors import RateLimited
from tests.waiting import until
from tests.widget.sockets import ORIGIN, ChatClient
from widget import consumers
from widget.consumers import ChatConsumer
from widget.limits import WaitingRoom, check_message_rates

pytestmark = pytest.mark.django_db(transaction=True)


def conversations(site: Site, count: int) -> list[Conversation]:
    return [start_conversation(site)[0] for _ in range(count)]


def test_messages_when_one_address_sends_too_many_are_limited(
    site: Site, settings: Settings
) -> None:
    settings.MESSAGES_A_MINUTE_PER_ADDRESS = 3
    for one in conversations(site, 3):
        check_message_rates(one, address="2001:db8::1")
    late = conversations(site, 1)[0]
    with pytest.raises(RateLimited):
        check_message_rates(late, address="2001:db8::ffff")
    check_message_rates(late, address="2001:db8:0:1::1")


def test_messages_when_one_site_gets_too_many_are_limited(site: Site, settings: Settings) -> None:
    settings.MESSAGES_A_MINUTE_PER_SITE = 2
    first, second, third = conversations(site, 3)
    check_message_rates(first, address="192.0.2.1")
    check_message_rates(second, address="192.0.2.2")
    with pytest.raises(RateLimited):
        check_message_rates(third, address="192.0.2.3")


def test_messages_of_an_office_behind_one_address_pass(site: Site) -> None:
    for one in conversations(site, 40):
        for _ in range(3):
            check_message_rates(one, address="192.0.2.1")


class Guest:
    """A silent socket of a waiting room."""

    def __init__(self, room: WaitingRoom, address: str) -> None:
        self._room, self._address = room, address
        self.is_waiting = False

    def enter(self) -> bool:
        self.is_waiting = self._room.enter(self._address, self.leave)
        return self.is_waiting

    def leave(self) -> None:
        self._room.leave(self._address, self.leave)
        self.is_waiting = False


def test_waiting_room_when_an_address_has_too_many_lets_in_only_after_one_left(
    settings: Settings,
) -> None:
    settings.SILENT_SOCKETS_PER_ADDRESS, settings.SILENT_SOCKETS = 2, 9
    room = WaitingRoom()
    first, second, third = (Guest(room, f"2001:db8::{number}") for number in range(3))
    assert first.enter()
    assert second.enter()
    assert not third.enter()
    assert Guest(room, "2001:db8:0:1::1").enter()
    first.leave()
    assert third.enter()


def test_waiting_room_when_full_lets_the_oldest_of_the_fullest_address_go(
    settings: Settings,
) -> None:
    settings.SILENT_SOCKETS_PER_ADDRESS, settings.SILENT_SOCKETS = 3, 4
    room = WaitingRoom()
    one = Guest(room, "192.0.2.1")
    crowd = [Guest(room, "192.0.2.2") for _ in range(3)]
    assert all(guest.enter() for guest in (one, *crowd))
    newcomer = Guest(room, "192.0.2.3")
    assert newcomer.enter()
    assert [guest.is_waiting for guest in (one, *crowd)] == [True, False, True, True]
    # Whose address has as many as any gets nobody's place.
    assert not crowd[0].enter()
    assert Guest(room, "192.0.2.4").enter()
    assert not Guest(room, "192.0.2.3").enter()
    assert [guest.is_waiting for guest in (one, *crowd)] == [True, False, False, True]


async def test_socket_that_was_silent_longest_is_closed_when_others_need_the_room(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "waiting_room", WaitingRoom())
    settings.SILENT_SOCKETS = 2
    crowd = [client_from("192.0.2.1") for _ in range(2)]
    for one in crowd:
        assert (await one.socket.connect())[0]
    for _ in range(2):
        newcomer = client_from("192.0.2.2")
        assert (await newcomer.socket.connect())[0]
        await newcomer.socket.disconnect()
    assert await crowd[0].closed_with() == 4429
    assert await crowd[1].socket.receive_nothing()
    for one in crowd:
        await one.socket.disconnect()


async def test_socket_that_is_gone_before_it_is_accepted_is_not_counted_for_ever(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = WaitingRoom()
    monkeypatch.setattr(consumers, "waiting_room", room)
    monkeypatch.setattr(consumers, "HELLO_SECONDS", 0.05)
    settings.SILENT_SOCKETS_PER_ADDRESS = 1

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(event: object) -> None:
        raise ConnectionResetError

    async def has_room() -> bool:
        return Guest(room, "192.0.2.1").enter()

    scope = client_from("192.0.2.1").socket.scope
    with pytest.raises(ConnectionResetError):
        await ChatConsumer.as_asgi()(scope, receive, send)
    await until(has_room)


async def test_sockets_when_silent_are_counted_until_hello_or_the_end(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = WaitingRoom()
    monkeypatch.setattr(consumers, "waiting_room", room)
    settings.SILENT_SOCKETS_PER_ADDRESS = 1
    _, token = await start(site)
    silent = ChatClient("")
    assert (await silent.socket.connect())[0]
    assert await refusal() == (False, 4429)
    await silent.socket.disconnect()
    async with ChatClient(token), ChatClient(token):
        guest = Guest(room, "")
        assert guest.enter()
        guest.leave()


async def test_sockets_of_one_address_are_limited(site: Site, settings: Settings) -> None:
    settings.SOCKETS_PER_ADDRESS = 1
    tokens = [(await start(site))[1] for _ in range(3)]
    first, second, third = (
        client_from(f"2001:db8::{number}", token=token) for number, token in enumerate(tokens)
    )
    async with first, client_from("2001:db8:0:1::1", token=tokens[0]):
        await second.socket.connect()
        await second.send(type="hello", token=second.token, after=0)
        assert await second.closed_with() == 4429
        await second.socket.disconnect()
    async with third:
        assert third.of("welcome")


def client_from(address: str, *, token: str = "") -> ChatClient:
    client = ChatClient(token)
    client.socket.scope["client"] = (address, 1)
    return client


async def start(site: Site) -> tuple[Conversation, str]:
    from core.background import in_database_thread

    return await in_database_thread(start_conversation)(site)


async def refusal() -> tuple[bool, int | None]:
    headers = [(b"origin", ORIGIN.encode())]
    socket = WebsocketCommunicator(ChatConsumer.as_asgi(), "/ws/chat/", headers=headers)
    return await socket.connect()
