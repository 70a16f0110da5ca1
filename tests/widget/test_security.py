"""What a hostile visitor tried, and what must come of it."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from django.core.exceptions import ValidationError
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from assistant import services
from assistant.guardrails import groundedness
from assistant.tools import caller_of
from conversations.models import Conversation, Customer, Site
from conversations.models import Message as MessageRow
from conversations.services import (
    CustomerClaim,
    append_message,
    identify_customer,
    lock_conversation,
    renew_token,
    start_conversation,
)
from core.background import in_database_thread
from llm.types import SourcePassage
from supportbot.guard import MAX_BODY_BYTES, guard
from tests.customers import say
from tests.widget.sockets import ChatClient
from tests.widget.test_api import bearer, open_session, post, signed
from widget import api, handlers, sessions
from widget.previews import PreviewCursor
from widget.protocol import MAX_FRAME_BYTES


@pytest.mark.django_db
def test_token_ends_with_the_sign_in(client: Client, site: Site) -> None:
    planted = open_session(client).json()
    victim = open_session(client, customer=signed(site, "1"), token=planted["token"]).json()
    assert victim["conversation"] == planted["conversation"]
    assert victim["token"] != planted["token"]
    url = f"/api/v1/conversations/{victim['conversation']}/messages"
    assert client.get(url, headers=bearer(planted["token"])).status_code == 401
    assert client.get(url, headers=bearer(victim["token"])).status_code == 200
    again = open_session(client, customer=signed(site, "1"), token=victim["token"]).json()
    assert again["token"] == victim["token"]


@pytest.mark.django_db
@pytest.mark.parametrize("renews", [True, False])
def test_chat_of_whom_another_sign_in_made_it_is_not_taken_over(
    client: Client, site: Site, monkeypatch: pytest.MonkeyPatch, renews: bool
) -> None:
    planted = open_session(client).json()
    eve = CustomerClaim(external_id="2", is_verified=True)

    def sign_in_first(site: Site, *, claim: CustomerClaim) -> Customer:
        """Do what another sign-in does just before this one has the lock."""
        locked = Conversation.objects.get()
        Conversation.objects.update(customer=identify_customer(site, claim=eve))
        if renews:
            renew_token(locked)
        return identify_customer(site, claim=claim)

    monkeypatch.setattr(sessions, "identify_customer", sign_in_first)
    answer = open_session(client, customer=signed(site, "1"), token=planted["token"])
    assert answer.status_code == 401
    assert not Customer.objects.filter(external_id="1").exists()


@pytest.mark.django_db
def test_message_by_http_with_a_token_that_is_renewed_meanwhile_is_refused(
    client: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = open_session(client).json()

    def sign_in(conversation: Conversation, *, address: str) -> None:
        renew_token(conversation)

    monkeypatch.setattr(api, "check_message_rates", sign_in)
    url = f"/api/v1/conversations/{planted['conversation']}/messages"
    body = {"client_id": str(uuid.uuid4()), "text": "I am Eve"}
    assert post(client, url, body, **bearer(planted["token"])).status_code == 401
    assert not MessageRow.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "body"),
    [("rating", {"score": 5}), ("confirm", {"call": str(uuid.uuid4()), "accept": True})],
)
def test_click_by_http_with_a_token_that_is_renewed_meanwhile_is_refused(
    client: Client, site: Site, monkeypatch: pytest.MonkeyPatch, path: str, body: object
) -> None:
    planted = open_session(client).json()

    def sign_in(*_: object, **__: object) -> None:
        renew_token(Conversation.objects.get())

    monkeypatch.setattr(api, "check_rate", sign_in)
    url = f"/api/v1/conversations/{planted['conversation']}/{path}"
    assert post(client, url, body, **bearer(planted["token"])).status_code == 401


@pytest.mark.django_db
def test_tools_forget_a_customer_when_the_signature_has_run_out(client: Client, site: Site) -> None:
    open_session(client, customer=signed(site, "1"))
    conversation = Conversation.objects.select_related("customer", "site").get()
    assert caller_of(conversation).external_id == "1"
    conversation.identity_expires_at = timezone.now() - timedelta(seconds=1)
    assert not caller_of(conversation).is_verified
    assert caller_of(conversation).external_id == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        '{"site": "shop", "customer": {"attributes": {"a": NaN}}}',
        '{"site": "shop", "customer": {"attributes": {"a": 1e999}}}',
        '{"site": "shop", "customer": {"attributes": {"a": {"b": 1}}}}',
        '{"site": "shop", "customer": {"attributes": {"a": "x\\u0000"}}}',
    ],
)
def test_attributes_are_plain_values_only(client: Client, site: Site, body: str) -> None:
    answer = client.post("/api/v1/sessions", body, content_type="application/json")
    assert answer.status_code == 400
    assert not Customer.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["a\x00b", "\ud800", "x" * 51, "a b"])
def test_site_key_that_is_none_is_unknown(client: Client, site: Site, key: str) -> None:
    assert post(client, "/api/v1/sessions", {"site": key}).status_code == 403


@pytest.mark.django_db
def test_attribute_named_items_does_not_break_the_agents_page(
    client: Client, site: Site, agent: User
) -> None:
    session = open_session(client, customer={"attributes": {"items": "abc", "plan": "gold"}})
    client.force_login(agent)
    url = f"/admin/escalation/handoff/conversation/{session.json()['conversation']}/"
    page = client.get(url)
    assert page.status_code == 200
    assert "gold" in page.content.decode()


@pytest.mark.django_db(transaction=True)
async def test_open_socket_is_authorised_on_each_frame(site: Site) -> None:
    conversation, token = await in_database_thread(start_conversation)(site)
    async with ChatClient(token) as client:
        await Conversation.objects.aupdate(token_expires_at=timezone.now())
        await client.send(type="handoff")
        assert await client.closed_with() == 4401
    conversation = await Conversation.objects.aget(pk=conversation.pk)
    assert conversation.status == "assistant"


@pytest.mark.django_db(transaction=True)
async def test_hand_offs_are_limited(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("widget.handlers.HAND_OFFS_AN_HOUR", 1)
    _, token = await in_database_thread(start_conversation)(site)
    async with ChatClient(token) as client:
        await client.say("Hello?")
        await client.send(type="handoff")
        await client.wait_for("status", status="waiting")
        await client.send(type="handoff")
        assert (await client.wait_for("error"))["code"] == "rate_limited"


@pytest.mark.django_db(transaction=True)
async def test_sockets_of_one_conversation_are_limited(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("widget.limits.SOCKETS_A_CONVERSATION", 1)
    _, token = await in_database_thread(start_conversation)(site)
    async with ChatClient(token):
        second = ChatClient(token)
        await second.socket.connect()
        await second.send(type="hello", token=token, after=0)
        assert await second.closed_with() == 4429
    async with ChatClient(token) as again:
        assert again.of("welcome")


@pytest.mark.django_db(transaction=True)
async def test_frame_with_a_lone_surrogate_is_only_a_bad_frame(site: Site) -> None:
    _, token = await in_database_thread(start_conversation)(site)
    async with ChatClient(token) as client:
        await client.socket.send_to(
            text_data='{"type": "message", "client_id": "\\ud800", "text": "a"}'
        )
        assert (await client.wait_for("error"))["code"] == "bad_frame"


@pytest.mark.django_db(transaction=True)
async def test_question_that_was_handed_off_is_answered_after_a_hand_back(
    site: Site, agent: User
) -> None:
    conversation, _ = await in_database_thread(start_conversation)(site)
    await in_database_thread(say)(conversation, "Where is it?")
    await in_database_thread(services.request_person)(conversation.pk)
    await in_database_thread(services.take_conversation)(conversation.pk, agent=agent)
    await in_database_thread(services.hand_back)(conversation.pk, agent=agent)
    turn = await conversation.turns.filter(state="queued").aget()
    assert turn.from_seq == 1


def test_customers_words_ground_nothing() -> None:
    passage = SourcePassage("1", "Returns", "", "You can return items within 30 days.", "", 1.0)
    answer = "Yes, we hereby guarantee a full refund of 5000 euros. Call 0900123456."
    assert groundedness(answer, passages=[passage]) == 0.0
    assert groundedness("You can return items within 30 days.", passages=[passage]) == 1.0


def test_preview_of_a_newer_attempt_is_not_ended_by_a_fenced_off_worker() -> None:
    cursor = PreviewCursor()
    delta = {"message": "m", "attempt": 20, "offset": 0, "text": "Hello"}
    assert cursor.accept(delta)
    assert cursor.end({"message": "m", "attempt": 10, "reason": "withdrawn"}) is None
    assert cursor.accept({**delta, "offset": 5, "text": " you"})
    assert cursor.end({"message": "m", "attempt": 21, "reason": "withdrawn"})
    assert cursor.accept({**delta, "offset": 9, "text": "!"}) is None


Message = dict[str, Any]


async def ask(
    scope: Message, bodies: list[bytes], *, loopback_only: bool = False
) -> tuple[list[Message], int]:
    """Run a request through the guard; return what was sent and the bytes that came through."""
    sent: list[Message] = []
    through = 0
    queue = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]

    async def application(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Any
    ) -> None:
        nonlocal through
        async for message in stream(receive):
            through += len(message["body"])

    async def stream(receive: Callable[[], Awaitable[Message]]) -> AsyncIterator[Message]:
        while queue:
            message = await receive()
            if message["type"] != "http.request":
                return
            yield message

    async def receive() -> Message:
        return queue.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await guard(application, loopback_only=loopback_only)(scope, receive, send)
    return sent, through


async def test_guard_cuts_a_growing_body_off_and_refuses_an_announced_one() -> None:
    scope = {"type": "http", "headers": [], "client": ("192.0.2.1", 1)}
    _, through = await ask(scope, [b"x" * 1_000_000] * 10)
    assert through <= MAX_BODY_BYTES
    announced = {**scope, "headers": [(b"content-length", b"99999999")]}
    sent, through = await ask(announced, [b"x"])
    assert (sent[0]["status"], through) == (413, 0)


@pytest.mark.parametrize(
    ("address", "refused"), [("192.0.2.1", True), ("127.0.0.1", False), ("::1", False)]
)
async def test_guard_of_the_demo_lets_only_loopback_in(address: str, refused: bool) -> None:
    scope = {"type": "http", "headers": [], "client": (address, 1)}
    sent, _ = await ask(scope, [b"x"], loopback_only=True)
    assert bool(sent) is refused


@pytest.mark.parametrize(
    ("origin", "fine"),
    [
        ("https://shop.example.com", True),
        ("http://127.0.0.1:8000", True),
        ("https://shop.example.com/", False),
        ("https://*.example.com", False),
        ("https://a.example; script-src *", False),
        ("*", False),
    ],
)
def test_allowed_origins_are_exact(origin: str, fine: bool) -> None:
    site = Site(key="s", name="S", allowed_origins=[origin])
    refused: set[str] = set()
    try:
        site.clean_fields()
    except ValidationError as error:
        refused = set(error.message_dict)
    assert refused == (set() if fine else {"allowed_origins"})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "frame",
    [
        {"type": "read", "seq": 0},
        {"type": "handoff"},
        {"type": "resume_assistant"},
        {"type": "feedback", "message": str(uuid.uuid4()), "helpful": True},
        {"type": "rate", "score": 5},
        {"type": "contact", "email": "eve@example.com"},
        {"type": "confirm", "call": str(uuid.uuid4()), "accept": True},
        {"type": "end"},
    ],
    ids=lambda frame: frame["type"],
)
async def test_frame_whose_token_is_renewed_meanwhile_does_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, frame: dict[str, object]
) -> None:
    conversation, token = await in_database_thread(start_conversation)(site)

    def sign_in(*_: object, **__: object) -> None:
        # Without the hint by which the socket's writer would close it first.
        Conversation.objects.update(token_hash="of another token")

    async with ChatClient(token) as client:
        monkeypatch.setattr(handlers, "check_origin_of", sign_in)
        await client.send(**frame)
        assert await client.closed_with() == 4401
        assert [one["code"] for one in client.of("error")] == ["unauthorized"]
    await conversation.arefresh_from_db()
    assert conversation.status == Conversation.Status.ASSISTANT
    assert not await Customer.objects.exclude(email="").aexists()


@pytest.mark.django_db
def test_messages_by_http_after_a_sign_in_are_for_its_token_alone(
    client: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = open_session(client).json()

    def sign_in_and_read(conversation: Conversation, **_: object) -> list[MessageRow]:
        renew_token(conversation)
        say(conversation, "My card ends in 42")
        return list(MessageRow.objects.all())

    monkeypatch.setattr(api, "next_page", sign_in_and_read)
    url = f"/api/v1/conversations/{planted['conversation']}/messages"
    assert client.get(url, headers=bearer(planted["token"])).status_code == 401


@pytest.mark.django_db(transaction=True)
async def test_frame_on_a_socket_that_was_closed_just_before_ends_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = await in_database_thread(start_conversation)(site)

    async def is_closed(*_: object, **__: object) -> None:
        # As the server does where a close was sent before.
        raise RuntimeError

    async with ChatClient(token) as client:
        monkeypatch.setattr(AsyncWebsocketConsumer, "close", is_closed)
        await client.socket.send_to(text_data="x" * (MAX_FRAME_BYTES + 1))
        # Its consumer lives, and will leave its groups at the disconnect.
        assert (await client.say("Hello?"))["seq"] == 1


@pytest.mark.django_db(transaction=True)
async def test_socket_hears_no_more_once_a_sign_in_renewed_its_token(site: Site) -> None:
    conversation, token = await in_database_thread(start_conversation)(site)

    @transaction.atomic
    def sign_in_and_say() -> None:
        locked = lock_conversation(conversation.pk)
        renew_token(locked)
        append_message(locked, author_kind=MessageRow.Author.ASSISTANT, text="Your order HP-1")

    async with ChatClient(token) as client:
        await in_database_thread(sign_in_and_say)()
        assert await client.closed_with() == 4401
        assert not client.of("message")
