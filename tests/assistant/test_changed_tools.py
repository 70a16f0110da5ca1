"""A configured effect that a manager edits while its card waits.

What was confirmed runs, or nothing does: before the click and after it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from pytest_django import Settings

from assistant.actions import CHANGED, decide, propose, show_card
from assistant.carrying_out import carry_out
from assistant.models import HttpTool, ToolCall
from assistant.tools import Card, caller_of
from assistant.tools.selection import find_tool
from conversations.models import Conversation, Message
from conversations.services import append_message
from core.errors import Forbidden
from tests.assistant.conftest import texts
from tests.web_server import WebServer, serving

pytestmark = pytest.mark.django_db(transaction=True)
SCHEMA = {
    "type": "object",
    "properties": {"number": {"type": "string"}},
    "required": ["number"],
}
OTHER_SCHEMA = {**SCHEMA, "properties": {"number": {"type": "string", "maxLength": 60}}}
run = async_to_sync(carry_out)


@pytest.fixture
def web(settings: Settings) -> Iterator[WebServer]:
    with serving() as server:
        settings.FETCH_ALLOWED_HOSTS = [f"127.0.0.1:{server.port}"]
        yield server


@pytest.fixture
def call(conversation: Conversation, web: WebServer) -> ToolCall:
    """A proposal whose card is shown, of a tool that stops an order."""
    HttpTool.objects.create(
        site=conversation.site,
        name="stop_order",
        description="Stop an order.",
        method="POST",
        url_template=f"http://127.0.0.1:{web.port}/stop/{{number}}",
        parameters=SCHEMA,
        effect="write",
        audience="customer",
        card_title="Stop {number}?",
    )
    web.add("/stop/12", "{}")
    web.add("/refund/12", "{}")
    caller = caller_of(conversation)
    tool = find_tool(conversation.site, "stop_order", caller=caller)
    assert tool is not None
    proposal = propose(
        tool,
        tool.arguments(number="12"),
        Card("Stop 12?"),
        caller=caller,
        conversation_pk=conversation.pk,
        turn_pk=None,
        redact=str,
    )
    message = append_message(conversation, author_kind=Message.Author.ASSISTANT, text=proposal.text)
    show_card(proposal.call_pk, conversation=conversation, message=message)
    return ToolCall.objects.get(pk=proposal.call_pk)


def edit(**values: Any) -> None:
    HttpTool.objects.filter(name="stop_order").update(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"method": "DELETE"},
        {"url_template": "http://127.0.0.1/refund/{number}"},
        {"headers": {"X-Mode": "all"}},
        {"parameters": OTHER_SCHEMA},
        {"card_title": "Refund {number}?"},
        {"card_text": "You lose your money."},
    ],
)
def test_card_of_a_tool_that_was_edited_can_not_be_confirmed(
    conversation: Conversation, call: ToolCall, web: WebServer, values: dict[str, Any]
) -> None:
    edit(**values)

    with pytest.raises(Forbidden, match="differently"):
        decide(conversation.pk, call_id=call.public_id, accept=True)

    call.refresh_from_db()
    assert (call.state, web.hits) == ("proposed", [])
    assert decide(conversation.pk, call_id=call.public_id, accept=False).state == "cancelled"


def test_tool_that_is_edited_after_the_click_does_not_run(
    conversation: Conversation, call: ToolCall, web: WebServer
) -> None:
    decide(conversation.pk, call_id=call.public_id, accept=True)
    edit(url_template=f"http://127.0.0.1:{web.port}/refund/{{number}}")

    run(call.pk)

    call.refresh_from_db()
    assert (call.state, web.hits) == ("refused", [])
    assert texts(conversation)[-1] == ("assistant", f"That was not done: {CHANGED}")


@pytest.mark.parametrize("values", [{}, {"rate_a_minute": 3, "description": "Stops one."}])
def test_tool_that_does_the_same_as_before_runs(
    conversation: Conversation, call: ToolCall, web: WebServer, values: dict[str, Any]
) -> None:
    edit(**values)

    decide(conversation.pk, call_id=call.public_id, accept=True)
    run(call.pk)

    call.refresh_from_db()
    assert (call.state, len(web.hits)) == ("done", 1)
