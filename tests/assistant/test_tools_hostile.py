"""Tools against a hostile model and a careless server: each call ends, and leaks nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from pytest_django import Settings

from assistant.models import ToolCall, Turn
from assistant.redaction import Redactor
from assistant.tools import Caller, Card, tool
from assistant.tools.http import HttpCall, http_tool
from assistant.tools.running import run_tool
from assistant.tools.schema import arguments_model
from assistant.tools.toolbox import MAX_CALLS, open_toolbox
from conversations.models import Conversation
from core.background import in_database_thread
from llm.types import ToolCallRequest
from tests.assistant.acting import Number, Shop
from tests.assistant.acting import shop as shop  # noqa: PLC0414 - a fixture
from tests.assistant.test_tools_http import NOBODY, row, schema
from tests.web_server import WebServer, serving

pytestmark = pytest.mark.django_db(transaction=True)


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


async def run(
    conversation: Conversation, *calls: ToolCallRequest, redactor: Redactor | None = None
) -> list[str]:
    """Run one round of a turn; return what the model is told."""
    turn = await Turn.objects.acreate(
        conversation=conversation, from_seq=1, holder_epoch=0, state="done"
    )
    box = await in_database_thread(open_toolbox)(conversation, turn_pk=turn.pk, redactor=redactor)
    return list((await box.run(calls, seconds=10)).results)


@pytest.mark.parametrize(
    "arguments",
    [
        {"number": nested(900)},
        {"number": "HP-12345", "more": nested(900)},
        {"number": float("nan")},
        {"number": "HP-12345", "more": [float("inf"), 10**400]},
        {"number": "HP-12345\u0000", "\u0000\ud800": "\ud800"},
        {"number": "x" * 500_000},
        {"number": "HP-12345", **{f"key{number}": "x" * 2_000 for number in range(300)}},
        {"number": True},
        {"number": None},
        {"number": {"$gt": ""}},
        {"order": "HP-12345"},
        {},
    ],
)
async def test_whatever_the_arguments_the_call_ends_in_a_row(
    shop: Shop, conversation: Conversation, arguments: dict[str, Any]
) -> None:
    (told,) = await run(conversation, ToolCallRequest("c1", "order_status", arguments))
    stored = await ToolCall.objects.aget()
    assert stored.state == ("done" if shop.seen else "refused")
    assert [number for number, _ in shop.seen] in ([], ["HP-12345"])
    assert len(json.dumps(stored.arguments)) < 50_000
    assert len(told) < 5_000


@pytest.mark.parametrize("name", ["", "x" * 5_000, "order_status\u0000", "\ud800", "__class__"])
async def test_whatever_the_name_the_call_is_refused(
    shop: Shop, conversation: Conversation, name: str
) -> None:
    (told,) = await run(conversation, ToolCallRequest("c1", name, {"number": "HP-12345"}))
    stored = await ToolCall.objects.aget()
    assert (stored.state, stored.error_code, shop.seen) == ("refused", "unknown_tool", [])
    assert "no such tool" in told


async def test_reply_with_many_calls_gets_a_few_of_them(
    shop: Shop, conversation: Conversation
) -> None:
    calls = [
        ToolCallRequest(f"c{number}", "order_status", {"number": "HP-12345"})
        for number in range(30)
    ]
    assert len(await run(conversation, *calls)) == MAX_CALLS
    assert (len(shop.seen), await ToolCall.objects.acount()) == (MAX_CALLS, MAX_CALLS)


def circle() -> object:
    value: list[object] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "result", [circle(), {("a", "b"): 1}, {"a": "\ud800\u0000"}, nested(3_000), b"\xff", object()]
)
async def test_whatever_a_tool_returns_the_turn_goes_on(
    shop: Shop, conversation: Conversation, result: object
) -> None:
    @tool
    def odd(arguments: Number, *, caller: Caller) -> object:
        """Return something odd."""
        return result

    (told,) = await run(conversation, ToolCallRequest("c1", "odd", {"number": "HP-12345"}))
    assert (await ToolCall.objects.aget()).state == "done"
    told.encode()


async def test_card_shows_no_sign_that_hides_or_turns_text(
    shop: Shop, conversation: Conversation
) -> None:
    class Words(BaseModel):
        words: str

    @tool(
        effect="write",
        describe=lambda arguments, caller: Card(arguments.words, ("a\u202eb\x1b[2J",)),
    )
    def say(arguments: Words, *, caller: Caller) -> None:
        """Say it."""

    await run(
        conversation, ToolCallRequest("c1", "say", {"words": "Pay\u2066 5\u200b\r\n0?\x07 \u200c"})
    )
    card = (await ToolCall.objects.aget()).card
    assert card == {"title": "Pay 5 0? \u200c", "lines": ["ab[2J"]}


@pytest.mark.parametrize(
    "card",
    [
        Card("x" * 121, ()),
        Card("Pay?", tuple(f"Line {number}" for number in range(13))),
        Card("Pay?", ("x" * 301,)),
    ],
    ids=["title", "lines", "line"],
)
async def test_card_that_can_not_be_shown_whole_is_refused(
    shop: Shop, conversation: Conversation, card: Card
) -> None:
    @tool(effect="write", describe=lambda arguments, caller: card)
    def pay(arguments: Number, *, caller: Caller) -> str:
        """Pay an order."""
        return "paid"

    (told,) = await run(conversation, ToolCallRequest("c1", "pay", {"number": "HP-12345"}))
    assert "too long to be shown" in told
    assert (await ToolCall.objects.aget()).state == "refused"


async def test_personal_data_beside_a_line_break_is_hidden_from_the_model(
    shop: Shop, conversation: Conversation
) -> None:
    @tool
    def note(arguments: Number, *, caller: Caller) -> object:
        """Return a note of an order."""
        return {"note": "Paid by\n4111 1111 1111 1111\nwrite to\nmia@example.com\nsoon"}

    (told,) = await run(
        conversation,
        ToolCallRequest("c1", "note", {"number": "HP-12345"}),
        redactor=Redactor(),
    )
    assert "4111 1111" not in told
    assert "mia@example.com" not in told


@pytest.mark.parametrize(
    "arguments", [{"n": "3"}, {"n": True}, {"x": float("nan")}, {"x": float("inf")}, {"s": 3}]
)
def test_configured_tool_takes_each_argument_as_its_own_type_only(
    arguments: dict[str, object],
) -> None:
    model = arguments_model(
        schema((), n={"type": "integer"}, x={"type": "number"}, s={"type": "string"})
    )
    with pytest.raises(ValueError, match="validation error"):
        model.model_validate(arguments)
    assert model.model_validate({"n": 3, "x": 1, "s": "3"})


@pytest.fixture
def web(settings: Settings) -> Iterator[WebServer]:
    """A server of the company, as an inner host that the installation allows."""
    with serving() as server:
        settings.FETCH_ALLOWED_HOSTS = [f"127.0.0.1:{server.port}"]
        yield server


@pytest.mark.parametrize("status", [200, 409])
async def test_server_that_repeats_a_secret_makes_it_known_to_nobody(
    web: WebServer, settings: Settings, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    settings.TOOL_SECRETS = {"SHOP": 'Bearer "s3cr3t"-token'}
    repeated = json.dumps({"message": 'You sent Bearer "s3cr3t"-token and s1te-s3cret.'})
    web.add("/HP-1", repeated, status=status, content_type="application/json")
    tool_row = row(url_template=f"{web.origin}/{{number}}", headers={"X-Key": "secret:SHOP"})
    tool_row.site.secret = "s1te-s3cret"
    configured = http_tool(tool_row)
    arguments = configured.arguments.model_validate({"number": "HP-1"})
    outcome = await run_tool(configured, arguments, caller=NOBODY, idempotency_key="k", seconds=5)
    assert web.received[0].headers["X-Key"] == 'Bearer "s3cr3t"-token'
    assert "s3cr" not in outcome.text + outcome.words + caplog.text
    assert "You sent" in outcome.words
    assert "s3cret" not in repr(HttpCall(tool_row, secret="s1te-s3cret"))
