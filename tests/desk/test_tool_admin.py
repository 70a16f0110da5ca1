"""Configuring HTTP tools: for administrators, with an error at each field that can't work."""

import json
import re

import pytest
from django.test import Client

from assistant.models import HttpTool, ToolCall
from conversations.models import Conversation, Site
from tests.conftest import make_user
from tests.desk.conftest import browser_of

pytestmark = pytest.mark.django_db
ADD = "/admin/assistant/httptool/add/"


@pytest.fixture
def office(site: Site) -> Client:
    """An administrator's browser."""
    return browser_of(make_user("olga", role="administrator"))


def filled_in(site: Site, **values: object) -> dict[str, object]:
    """Return the form's fields as a browser sends them, right but for ``values``."""
    parameters = {
        "type": "object",
        "properties": {"number": {"type": "string"}},
        "required": ["number"],
    }
    return {
        "site": site.pk,
        "name": "order_state",
        "description": "Look an order up.",
        "is_active": "on",
        "method": "GET",
        "url_template": "https://shop.example.com/orders/{number}",
        "headers": "",
        "parameters": json.dumps(parameters),
        "effect": "read",
        "audience": "verified",
        "card_title": "",
        "card_text": "",
        "rate_a_minute": 10,
        "timeout_seconds": 5,
        **values,
    }


def errors_in(page: str) -> str:
    """Return the texts of a form's errors."""
    return " ".join(re.findall(r'<ul class="errorlist"[^>]*>(.*?)</ul>', page, re.S))


def test_tool_that_can_work_is_stored(office: Client, site: Site) -> None:
    assert "&quot;properties&quot;" in office.get(ADD).content.decode()
    assert office.post(ADD, filled_in(site)).status_code == 302
    stored = HttpTool.objects.get()
    assert (stored.name, stored.headers) == ("order_state", {})
    page = office.get(f"/admin/assistant/httptool/{stored.pk}/change/").content.decode()
    assert "https://shop.example.com/orders/{number}" in page


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "order-state"}, "Use a-z, 0-9 and _"),
        ({"name": "order state"}, "Use a-z, 0-9 and _"),
        ({"parameters": "{"}, "Enter a valid JSON"),
        ({"parameters": "[" * 100_000}, "Enter a valid JSON"),
        ({"parameters": '{"type": "object", "description": "\\u0000"}'}, "Enter a valid JSON"),
        ({"parameters": '{"type": "object", "properties": {"a": NaN}}'}, "Enter a valid JSON"),
        ({"parameters": "[]"}, "This field is required"),
        ({"parameters": '{"type": "array"}'}, "must be an object"),
        ({"url_template": "https://{number}/"}, "The host can&#x27;t come from an argument"),
        ({"headers": '{"A": "secret:NOT_SET"}'}, "neither TOOL_SECRET_NOT_SET nor its _FILE"),
        ({"headers": "[1]"}, "Headers are an object"),
        ({"method": "DELETE"}, "the effect must say so"),
        ({"effect": "write", "method": "POST"}, "the card needs a title"),
        ({"timeout_seconds": "60"}, "less than or equal to 20"),
    ],
)
def test_tool_that_can_not_work_is_refused_with_words(
    office: Client, site: Site, values: dict[str, object], words: str
) -> None:
    page = office.post(ADD, filled_in(site, **values)).content.decode()
    errors = errors_in(page)
    assert words in errors
    assert errors.count("<li>") == 1
    assert not HttpTool.objects.exists()


@pytest.mark.parametrize(("role", "status"), [("agent", 403), ("manager", 403)])
def test_tools_are_configured_by_administrators_only(site: Site, role: str, status: int) -> None:
    browser = browser_of(make_user("max", role=role))
    assert browser.get(ADD).status_code == status
    assert browser.post(ADD, filled_in(site)).status_code == status
    assert not HttpTool.objects.exists()


def test_calls_are_shown_and_never_edited(office: Client, conversation: Conversation) -> None:
    call = ToolCall.objects.create(
        conversation=conversation,
        tool="order_state",
        effect="write",
        state="done",
        arguments={"number": "<b>1</b>"},
        sealed_arguments="not for eyes",
    )
    url = "/admin/assistant/toolcall/"
    assert "order_state" in office.get(url).content.decode()
    page = office.get(f"{url}{call.pk}/change/").content.decode()
    assert "&lt;b&gt;1" in page
    assert "not for eyes" not in page
    assert office.post(f"{url}{call.pk}/change/", {"state": "failed"}).status_code == 403
    assert office.post(f"{url}{call.pk}/delete/", {"post": "yes"}).status_code == 403
