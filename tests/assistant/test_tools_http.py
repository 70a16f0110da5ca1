"""HTTP tools: what a manager may configure, what is sent, and what comes of it."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from assistant.models import Audience, Effect, HttpTool, ToolCall
from assistant.tools import Caller, ToolRefused, tools_for
from assistant.tools.http import CallFailed, HttpCall, http_tool
from assistant.tools.http_definitions import fill_in, find_errors
from assistant.tools.running import run_tool
from assistant.tools.schema import arguments_model
from conversations.models import Site
from tests.assistant.acting import Shop
from tests.assistant.acting import shop as shop  # noqa: PLC0414 - a fixture
from tests.web_server import Received, WebServer, serving

MIA = Caller(site_key="shop", is_verified=True, external_id="mia é/1", email="mia@example.com")
NOBODY = Caller(site_key="shop", is_verified=False, external_id="", email="")
NUMBER = {"number": {"type": "string", "pattern": "^[A-Z0-9-]+$", "maxLength": 20}}


def schema(required: tuple[str, ...] = ("number",), **properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties or NUMBER, "required": list(required)}


def row(site: Site | None = None, **values: Any) -> HttpTool:
    """Return a tool that can be used, but for ``values``."""
    fields: dict[str, Any] = {
        "name": "order_state",
        "description": "Look an order up.",
        "url_template": "https://shop.example.com/orders/{number}",
        "parameters": schema(),
    }
    return HttpTool(site=site or Site(key="shop", secret="s3cret"), **{**fields, **values})


WRITE = {"effect": Effect.WRITE, "method": "POST", "card_title": "Stop {number}?"}


@pytest.fixture
def web(settings: Settings) -> Iterator[WebServer]:
    """A server of the company, as an inner host that the installation allows."""
    with serving() as server:
        settings.FETCH_ALLOWED_HOSTS = [f"127.0.0.1:{server.port}"]
        yield server


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"name": "Order State"}, "name", "a-z, 0-9"),
        ({"name": "request_hand_off"}, "name", "has this name"),
        ({"name": "cancel_order"}, "name", "has this name"),
        ({"parameters": []}, "parameters", "must be an object"),
        ({"parameters": {"type": "object", "oneOf": []}}, "parameters", "oneOf is not supported"),
        ({"parameters": schema(number={"type": "date"})}, "parameters", "type must be one of"),
        ({"parameters": schema(number={"type": ["string"]})}, "parameters", "type must be one of"),
        ({"parameters": schema(number={"type": "string", "format": "x"})}, "parameters", "format"),
        (
            {"parameters": schema(number={"type": "string", "pattern": "("})},
            "parameters",
            "pattern",
        ),
        (
            {"parameters": schema(number={"type": "string", "maxLength": "9"})},
            "parameters",
            "limit",
        ),
        ({"parameters": schema(("other",))}, "parameters", "required must name"),
        ({"parameters": schema(number={"type": "string", "enum": []})}, "parameters", "enum"),
        ({"parameters": schema(number={"type": "array"})}, "parameters", "items"),
        ({"url_template": "https://{number}.example.com/"}, "url_template", "host can't come"),
        ({"url_template": "{number}://shop.example.com/"}, "url_template", "host can't come"),
        ({"url_template": "https://shop.example.com:{number}/"}, "url_template", "host can't"),
        ({"url_template": "https://shop.example.com@{number}/"}, "url_template", "host can't"),
        ({"url_template": "https://shop.example.com/{name}"}, "url_template", "required property"),
        ({"url_template": "https://shop.example.com/{number.x}"}, "url_template", "plain name"),
        ({"url_template": "https://shop.example.com/{number"}, "url_template", "expected '}'"),
        ({"url_template": "ftp://shop.example.com/"}, "url_template", "http"),
        ({"url_template": "https://me:pass@shop.example.com/"}, "url_template", "user name"),
        ({"url_template": "https://shop.example.com/#x"}, "url_template", "after #"),
        ({"headers": ["a"]}, "headers", "object of names"),
        ({"headers": {"Host": "x"}}, "headers", "set by the server"),
        ({"headers": {"x-supportbot-customer": "x"}}, "headers", "set by the server"),
        ({"headers": {"A b": "x"}}, "headers", "not a header's name"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "headers", "one line"),
        ({"headers": {"X-A": "secret:token"}}, "headers", "in capitals"),
        ({"headers": {"X-A": "secret:GONE"}}, "headers", "TOOL_SECRET_GONE"),
        ({"method": "DELETE"}, "method", "changes something"),
        ({**WRITE, "method": "GET"}, "method", "must not change"),
        ({**WRITE, "card_title": ""}, "card_title", "needs a title"),
        ({**WRITE, "card_text": "{price}"}, "card_title", "{price} is not an argument"),
    ],
)
def test_tool_that_can_not_work_is_refused_at_its_field(
    shop: Shop, values: dict[str, Any], field: str, words: str
) -> None:
    errors = find_errors(row(**values))
    assert set(errors) == {field}
    assert words in errors[field]


@pytest.mark.parametrize("values", [{}, WRITE, {"headers": {"X-Key": "secret:SHOP"}}])
def test_tool_that_can_work_has_no_errors(
    shop: Shop, settings: Settings, values: dict[str, Any]
) -> None:
    settings.TOOL_SECRETS = {"SHOP": "value"}
    assert find_errors(row(**values)) == {}


@pytest.mark.parametrize(
    ("arguments", "is_right"),
    [
        ({"n": 3, "s": "ab", "kind": "a", "tags": ["x"], "ok": True}, True),
        ({"n": 3, "s": "ab"}, True),
        ({"n": 11, "s": "ab"}, False),
        ({"n": 1.5, "s": "ab"}, False),
        ({"n": 3, "s": "a"}, False),
        ({"n": 3, "s": "AB"}, False),
        ({"n": 3, "s": "ab", "kind": "c"}, False),
        ({"n": 3, "s": "ab", "tags": ["x"] * 4}, False),
        ({"n": 3}, False),
        ({"n": 3, "s": "ab", "free": "x" * 2_001}, False),
    ],
)
def test_arguments_are_held_to_their_schema(arguments: dict[str, object], is_right: bool) -> None:
    model = arguments_model(
        schema(
            ("n", "s"),
            n={"type": "integer", "minimum": 1, "maximum": 10},
            s={"type": "string", "minLength": 2, "pattern": "^[a-z]+$"},
            kind={"type": "string", "enum": ["a", "b"]},
            tags={"type": "array", "items": {"type": "string"}, "maxItems": 3},
            ok={"type": "boolean"},
            free={"type": "string"},
        )
    )
    if is_right:
        model.model_validate(arguments)
    else:
        with pytest.raises(ValueError, match="validation error"):
            model.model_validate(arguments)


IN_THE_MIDDLE = "https://a.b/o/{number}/x"
AT_THE_END = "https://a.b/o/{number}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("HP-1", "HP-1"), ("b?c=d#e", "b%3Fc%3Dd%23e"), ("é %41", "%C3%A9%20%2541"), ("1..2", "1..2")],
)
def test_argument_never_leaves_its_place_in_the_path(value: str, expected: str) -> None:
    url, rest = fill_in(IN_THE_MIDDLE, {"number": value, "more": 1})
    assert (url, rest) == (f"https://a.b/o/{expected}/x", {"more": 1})
    assert fill_in(AT_THE_END, {"number": value})[0] == f"https://a.b/o/{expected}"
    assert fill_in(f"{AT_THE_END}?a=b", {"number": value})[0] == f"https://a.b/o/{expected}?a=b"


@pytest.mark.parametrize("template", [IN_THE_MIDDLE, AT_THE_END, f"{AT_THE_END}?full=1"])
@pytest.mark.parametrize(
    "value",
    [
        "", "  ", "\t", ".", "..", " ..", "%2e", "%2E%2e", "a/b", "/", "a\\b", "../admin",
        "..%2fadmin", "..%5cadmin", "a%252fb", "%25252e%25252e", "%20",
    ],
)  # fmt: skip
def test_argument_that_would_be_another_path_is_refused(template: str, value: str) -> None:
    with pytest.raises(ToolRefused):
        fill_in(template, {"number": value})


def test_arguments_that_are_another_path_together_are_refused() -> None:
    with pytest.raises(ToolRefused):
        fill_in("https://a.b/o/{one}{two}", {"one": "%", "two": "2e"})
    with pytest.raises(ToolRefused):
        fill_in("https://a.b/o/.{one}", {"one": "%2e"})


def test_argument_in_the_query_may_be_anything() -> None:
    url, _ = fill_in("https://a.b/o?path={path}&to={to}", {"path": "a/../b", "to": ""})
    assert url == "https://a.b/o?path=a%2F..%2Fb&to="


def call(tool: HttpTool, caller: Caller = MIA, **arguments: object) -> object:
    """Make one call with a known key."""
    model = http_tool(tool).arguments.model_validate(arguments)
    return HttpCall(tool, secret=tool.site.secret)(model, caller=caller, idempotency_key="key-1")


def is_signed(request: Received, secret: str, *, version: str) -> bool:
    """Check a signature as ``docs/tools.md`` tells a receiver to."""
    header = request.headers["X-Supportbot-Signature"]
    parts = dict(part.split("=", 1) for part in header.split(","))
    customer = request.headers.get("X-Supportbot-Customer", "")
    key = request.headers["Idempotency-Key"]
    about = f"{parts['t']}.{request.method} {request.path}\n{customer}\n{key}\n".encode()
    signed = (f"{parts['t']}.".encode() if version == "v1" else about) + request.body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(parts[version], expected) and abs(time.time() - int(parts["t"])) < 60


def test_read_asks_with_its_arguments_signed_for_the_customer(
    web: WebServer, settings: Settings
) -> None:
    settings.TOOL_SECRETS = {"SHOP": "from-the-environment"}
    web.add("/orders/HP-1?deep=true", '{"state": "sent"}', content_type="application/json")
    tool = row(
        url_template=f"{web.origin}/orders/{{number}}",
        parameters=schema(**NUMBER, deep={"type": "boolean"}),
        headers={"Authorization": "secret:SHOP", "X-Plain": "yes"},
    )
    assert call(tool, number="HP-1", deep=True) == {"state": "sent"}
    (request,) = web.received
    assert (request.method, request.body) == ("GET", b"")
    assert request.headers["Authorization"] == "from-the-environment"
    assert request.headers["X-Supportbot-Customer"] == "mia%20%C3%A9%2F1"
    assert is_signed(request, "s3cret", version="v1")
    assert is_signed(request, "s3cret", version="v2")
    assert not is_signed(request, "other", version="v2")
    request.headers["X-Supportbot-Customer"] = "eve"
    assert not is_signed(request, "s3cret", version="v2")


def test_effect_sends_the_rest_as_json_under_its_key(web: WebServer) -> None:
    web.add("/orders/HP-1/stop", '{"message": "Stopped."}', content_type="application/json")
    tool = row(
        **WRITE,
        url_template=f"{web.origin}/orders/{{number}}/stop",
        parameters=schema(**NUMBER, why={"type": "string"}),
    )
    call(tool, NOBODY, number="HP-1", why="Größe \u2028")
    (request,) = web.received
    assert json.loads(request.body) == {"why": "Größe \u2028"}
    assert (request.method, request.headers["Idempotency-Key"]) == ("POST", "key-1")
    assert "X-Supportbot-Customer" not in request.headers
    assert is_signed(request, "s3cret", version="v1")
    assert is_signed(request, "s3cret", version="v2")


@pytest.mark.parametrize(
    ("status", "headers", "raised"),
    [
        (404, {}, ToolRefused),
        (409, {}, ToolRefused),
        (429, {}, CallFailed),
        (408, {}, CallFailed),
        (500, {}, CallFailed),
        (503, {}, CallFailed),
        (302, {"Location": "http://127.0.0.1:1/"}, CallFailed),
    ],
)
def test_answer_that_is_no_success_is_refused_or_unknown(
    web: WebServer, status: int, headers: dict[str, str], raised: type[Exception]
) -> None:
    web.add("/orders/HP-1", '{"message": "No."}', status=status, headers=headers)
    with pytest.raises(raised) as error:
        call(row(url_template=f"{web.origin}/orders/{{number}}"), number="HP-1")
    assert (str(error.value) == "No.") == (raised is ToolRefused)
    assert len(web.received) == 1


def test_server_that_is_not_there_has_done_nothing(web: WebServer, settings: Settings) -> None:
    settings.FETCH_ALLOWED_HOSTS = ["127.0.0.1:9"]
    with pytest.raises(ToolRefused, match="could not be reached"):
        call(row(url_template="http://127.0.0.1:9/{number}"), number="HP-1")


def test_inner_host_that_nobody_allowed_is_not_reached(web: WebServer, settings: Settings) -> None:
    settings.FETCH_ALLOWED_HOSTS = []
    with pytest.raises(ToolRefused):
        call(row(url_template=f"{web.origin}/{{number}}"), number="HP-1")
    assert web.connections == 0


def test_answer_beyond_its_size_is_not_read(web: WebServer) -> None:
    web.add("/HP-1", b"x" * 70_000)
    with pytest.raises(CallFailed, match="fetch_too_large"):
        call(row(url_template=f"{web.origin}/{{number}}"), number="HP-1")


@pytest.mark.parametrize(("values", "state"), [({}, "failed"), (WRITE, "unknown")])
async def test_server_that_hangs_costs_a_read_nothing_and_leaves_an_effect_unknown(
    web: WebServer, values: dict[str, Any], state: str
) -> None:
    web.add("/HP-1", write=lambda connection, closing: closing.wait(20))
    tool = http_tool(row(**values, url_template=f"{web.origin}/{{number}}", timeout_seconds=0.3))
    arguments = tool.arguments.model_validate({"number": "HP-1"})
    outcome = await run_tool(tool, arguments, caller=MIA, idempotency_key="k", seconds=10)
    assert (outcome.state, outcome.error_code) == (ToolCall.State(state), "fetch_timed_out")


@pytest.mark.django_db
def test_configured_tools_are_offered_on_their_site_and_to_their_audience(
    shop: Shop, site: Site
) -> None:
    other = Site.objects.create(key="other", name="Other")
    for number, (where, audience, is_active) in enumerate(
        [
            (site, Audience.CUSTOMER, True),
            (site, Audience.VERIFIED, True),
            (site, Audience.AGENT, True),
            (site, Audience.CUSTOMER, False),
            (other, Audience.CUSTOMER, True),
        ]
    ):
        row(where, name=f"tool_{number}", audience=audience, is_active=is_active).save()
    row(site, name="tool_broken", audience=Audience.CUSTOMER, parameters={"type": "array"}).save()

    def names(caller: Caller) -> set[str]:
        return {one.name for one in tools_for(site, caller)}

    own = {"order_status", "cancel_order"}
    assert names(NOBODY) == {"tool_0", *own}
    assert names(MIA) == {"tool_0", "tool_1", "change_address", *own}
