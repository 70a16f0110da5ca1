"""The record of a turn: what was found, what came back, and how sure it had to be."""

from collections.abc import Callable
from typing import Any

import pytest

from assistant.models import Turn, TurnRecord
from assistant.prompt_library import canary
from assistant.turns import run_turn
from conversations.models import Site
from core.background import in_database_thread
from llm.testing import ScriptedEngine, make_answer
from llm.types import Finished, ToolCallRequest
from tests.assistant.acting import Shop
from tests.assistant.acting import shop as shop  # noqa: PLC0414 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "How many days do I have to return unused items?"
Ask = Callable[[str], Turn]


async def recorded(turn: Turn) -> dict[str, Any]:
    """Run a turn and return its record."""
    await run_turn(turn.pk)
    record = await TurnRecord.objects.aget(turn=turn)
    return dict(record.data)


async def test_record_of_a_turn_that_was_passed_on_says_what_was_found(
    ask: Ask, engine: ScriptedEngine, site: Site, at_desk: None
) -> None:
    turn = await in_database_thread(ask)(f"{QUESTION} I am mia@example.com")
    await Site.objects.filter(pk=site.pk).aupdate(answer_threshold=1.0)
    data = await recorded(turn)
    assert (data["threshold"], data["passages"][0]["title"]) == (1.0, "Returns and refunds")
    assert data["question"] == f"{QUESTION} I am <EMAIL_1>"
    assert not engine.requests


async def test_record_holds_what_came_back_but_no_secret_and_no_person(
    shop: Shop, ask: Ask, engine: ScriptedEngine
) -> None:
    asked = ToolCallRequest("c1", "order_status", {"number": "eve@example.com"})
    engine.add_script(QUESTION, asked, Finished("tool_calls"))
    engine.add_script(QUESTION, *make_answer(f"Return unused items within 30 days. {canary()}"))
    data = await recorded(await in_database_thread(ask)(QUESTION))
    call, text = data["received"]
    assert call == 'order_status({"number": "<EMAIL_1>"})'
    assert text == "Return unused items within 30 days. \u2026"
    assert canary() not in str(data)
    assert data["guard"][0]["kind"] == "canary"
