"""Tools: checked arguments, the server's own customer, bounded rounds."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel, Field

from assistant import tools
from assistant.models import Turn
from assistant.tools import Caller, run_tool, tool
from assistant.turns import run_turn
from conversations.models import Message
from core.background import in_database_thread
from llm.testing import ScriptedEngine, make_answer
from llm.types import Finished, ToolCallRequest

QUESTION = "How many days do I have to return unused items?"
CALLER = Caller(site_key="shop", is_verified=True, external_id="1", email="mia@example.com")
seen: list[tuple[str, Caller]] = []


class Number(BaseModel):
    number: str = Field(pattern=r"^HP-\d{5}$")


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_registry", {})
    seen.clear()

    @tool
    def order_status(arguments: Number, *, caller: Caller) -> dict[str, str]:
        """Look up an order."""
        seen.append((arguments.number, caller))
        if arguments.number == "HP-00000":
            raise RuntimeError("secret detail")
        return {"state": "shipped on Monday", "email": caller.email}


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("order_status", {"number": "HP-12345"}, "shipped"),
        ("order_status", {"number": "'; DROP"}, "Wrong arguments: number"),
        ("order_status", {}, "Wrong arguments: number"),
        ("order_status", {"number": "HP-00000"}, "The tool failed."),
        ("nonsense", {}, "no such tool"),
    ],
)
def test_run_tool_by_table(name: str, arguments: dict[str, object], expected: str) -> None:
    result = run_tool(name, arguments, caller=CALLER)
    assert expected in result
    assert "secret detail" not in result


def test_tool_without_typed_arguments_is_refused() -> None:
    def loose(arguments: dict[str, str], *, caller: Caller) -> None:
        """Do something."""

    with pytest.raises(ImproperlyConfigured):
        tool(loose)


@pytest.mark.django_db(transaction=True)
async def test_turn_with_a_tool_call_answers_from_its_result(
    ask: Callable[[str], Turn], engine: ScriptedEngine
) -> None:
    # The e-mail in the arguments is the model's idea: it must not count.
    call = ToolCallRequest("c1", "order_status", {"number": "HP-12345", "email": "eve@example.com"})
    engine.add_script(QUESTION, call, Finished("tool_calls"))
    engine.add_script(QUESTION, *make_answer("Your order was shipped on Monday."))
    turn = await in_database_thread(ask)(QUESTION)
    await run_turn(turn.pk)
    message = await Message.objects.aget(author_kind="assistant")
    assert message.text == "Your order was shipped on Monday."
    assert [(number, caller.email) for number, caller in seen] == [("HP-12345", "")]
    last = engine.requests[1].messages[-1]
    assert (last.role, last.tool_call_id) == ("tool", "c1")


@pytest.mark.django_db(transaction=True)
async def test_turn_when_the_model_only_calls_tools_ends_with_a_person(
    ask: Callable[[str], Turn], engine: ScriptedEngine
) -> None:
    call = ToolCallRequest("c1", "order_status", {"number": "HP-12345"})
    engine.add_script(QUESTION, call, Finished("tool_calls"))
    turn = await in_database_thread(ask)(QUESTION)
    await run_turn(turn.pk)
    assert (await Turn.objects.aget()).outcome == "handed_off"
    assert len(seen) == tools.MAX_ROUNDS
