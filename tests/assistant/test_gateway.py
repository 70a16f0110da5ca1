"""Whole turns through the real client, against a local server that speaks the protocol."""

import json
import re
from collections.abc import Callable

import pytest

from assistant.models import Turn, TurnRecord
from assistant.turns import run_turn
from conversations.models import Conversation, Message
from core.background import in_database_thread
from llm.capabilities import (
    Capabilities,
    forget_capabilities,
    read_capabilities,
    store_capabilities,
)
from llm.models import ModelCapability
from tests.llm.conftest import shipped_prices as shipped_prices  # noqa: PLC0414 - shared
from tests.llm.conftest import upstream as upstream  # noqa: PLC0414 - a shared fixture
from tests.upstream.server import UpstreamServer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("shipped_prices"),
]
Ask = Callable[[str], Turn]
QUESTION = "How many days do I have to return unused items?"
ANSWER = "You can return unused items within 30 days of delivery."
ALL = Capabilities(structured_output=True, logprobs=True)
MODELS = ("model-a", "model-small")


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    forget_capabilities()


def reply(**fields: object) -> str:
    """Return a whole reply in the structured form."""
    verdict = {
        "needs_human": False,
        "reason": "",
        "detail": "",
        "language": "en",
        "answer": ANSWER,
        "citations": ["p1", "p99"],
        "confidence": 0.95,
    }
    return json.dumps(verdict | fields)


async def know(found: Capabilities) -> None:
    for model in MODELS:
        await in_database_thread(store_capabilities)(model, found)
    await in_database_thread(read_capabilities)()


async def answer(ask: Ask, question: str = QUESTION) -> Turn:
    turn = await in_database_thread(ask)(question)
    await run_turn(turn.pk)
    return await Turn.objects.aget(pk=turn.pk)


def chats(upstream: UpstreamServer) -> list[dict[str, object]]:
    return [one["body"] for one in upstream.requests if one["kind"] == "chat"]


async def test_turn_when_the_reply_is_structured_stores_its_text_and_verdict(
    ask: Ask, upstream: UpstreamServer, conversation: Conversation
) -> None:
    await know(ALL)
    upstream.behave(text=reply(), piece=3, logprob=-0.2)
    turn = await answer(ask)
    message = await Message.objects.aget(author_kind="assistant")
    assert (turn.outcome, turn.engine, message.text) == ("answered", "openai", ANSWER)
    assert (turn.self_confidence, turn.mean_logprob) == (0.95, pytest.approx(-0.2))
    assert [one["title"] for one in message.citations] == ["Returns and refunds"]
    record = await TurnRecord.objects.aget(turn=turn)
    assert record.data["citations_dropped"] == 1
    body = chats(upstream)[0]
    assert not any(one["errors"] for one in upstream.requests)
    assert body["max_completion_tokens"] == 300
    assert re.fullmatch(r"[0-9a-f]{64}", str(body["safety_identifier"]))
    customer = await in_database_thread(lambda: conversation.customer.public_id)()
    assert str(customer) not in json.dumps(body)
    assert customer.hex not in json.dumps(body)


async def test_turn_when_the_form_is_refused_is_answered_and_the_next_is_asked_plainly(
    ask: Ask, upstream: UpstreamServer
) -> None:
    await know(ALL)
    upstream.behave(text=ANSWER, refuses=["response_format"])
    first = await answer(ask)
    assert (first.outcome, first.engine) == ("answered", "openai")
    asked = [bool(body.get("response_format")) for body in chats(upstream)]
    assert asked == [True, False]
    model = str(chats(upstream)[0]["model"])
    row = await ModelCapability.objects.aget(model=model)
    assert (row.structured_output, row.logprobs) == (False, True)
    second = await answer(ask, "And how many days is it for unused sale items to return?")
    assert second.outcome == "answered"
    later = [body for body in chats(upstream)[2:] if body.get("stream")]
    assert not any(body.get("response_format") for body in later)


async def test_turn_when_the_json_is_cut_off_is_answered_by_the_articles(
    ask: Ask, upstream: UpstreamServer
) -> None:
    await know(ALL)
    upstream.behave(text=reply()[:120], piece=5)
    turn = await answer(ask)
    message = await Message.objects.aget(author_kind="assistant")
    assert (turn.outcome, turn.engine) == ("answered", "extractive")
    assert "{" not in message.text
