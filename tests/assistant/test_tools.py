"""Tools in a turn: clear definitions, checked arguments, the server's own customer, few calls."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel

from assistant import preparing, streaming
from assistant.models import ToolCall, Turn
from assistant.routing import TurnFacts
from assistant.tools import Caller, registry, tool, tools_for
from assistant.tools.toolbox import MAX_CALLS, MAX_ROUNDS, open_toolbox
from assistant.turns import run_turn
from conversations.models import Conversation, Message, Site
from core.background import in_database_thread
from llm.testing import ScriptedEngine, make_answer, make_hand_off
from llm.types import Finished, TextDelta, ToolCallRequest
from tests.assistant.acting import Number, Shop
from tests.assistant.acting import shop as shop  # noqa: PLC0414 - a fixture

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "How many days do I have to return unused items?"
NOBODY = Caller(site_key="shop", is_verified=False, external_id="", email="")
MIA = Caller(site_key="shop", is_verified=True, external_id="1", email="mia@example.com")


def call(name: str, number: str = "HP-12345", *, key: str = "c1", **more: str) -> ToolCallRequest:
    return ToolCallRequest(key, name, {"number": number, **more})


async def run(conversation: Conversation, *calls: ToolCallRequest) -> list[str]:
    """Run one round of a turn that is not stored; return what the model is told."""
    turn = await Turn.objects.acreate(
        conversation=conversation, from_seq=1, holder_epoch=0, state="done"
    )
    box = await in_database_thread(open_toolbox)(conversation, turn_pk=turn.pk)
    return list((await box.run(calls, seconds=10)).results)


def typed(arguments: Number, *, caller: Caller) -> None:
    """Do something."""


def loose(arguments: dict[str, str], *, caller: Caller) -> None:
    """Do something."""


def silent(arguments: Number, *, caller: Caller) -> None: ...


def without_caller(arguments: Number) -> None:
    """Do something."""


def positional(arguments: Number, caller: Caller) -> None:
    """Do something."""


def misnamed(number: Number, *, caller: Caller) -> None:
    """Do something."""


async def waiting(arguments: Number, *, caller: Caller) -> None:
    """Do something."""


def Shouted(arguments: Number, *, caller: Caller) -> None:
    """Do something."""


@pytest.mark.parametrize(
    ("function", "options", "complaint"),
    [
        (loose, {}, "annotated with a pydantic model"),
        (silent, {}, "needs a docstring"),
        (without_caller, {}, "after `arguments` come"),
        (positional, {}, "after `arguments` come"),
        (misnamed, {}, "first parameter must be `arguments`"),
        (waiting, {}, "must not be async"),
        (Shouted, {}, "a name has a-z"),
        (typed, {"effect": "change"}, "effect is one of read, write"),
        (typed, {"audience": "all"}, "audience is one of"),
        (typed, {"rate": 0}, "rate is a whole number"),
        (typed, {"timeout": 60}, "timeout is in seconds"),
        (typed, {"sites": "shop"}, "sites is a tuple"),
        (typed, {"describe": "Do it?"}, "a read asks nothing"),
        (typed, {"effect": "write"}, "a write needs `describe`"),
        (typed, {"effect": "write", "describe": " \n"}, "the card needs a title"),
        (typed, {"effect": "write", "describe": "Do {it}?"}, "{it} is not an argument"),
        (typed, {"effect": "write", "describe": "Do {number.x}?"}, "plain name"),
        (typed, {"effect": "write", "describe": "Do {number!r}?"}, "plain name"),
    ],
)
def test_wrong_definition_is_refused_by_name(
    shop: Shop, function: Callable[..., Any], options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        tool(**options)(function)
    assert f"{function.__name__!r}: " in str(refused.value)
    assert complaint in str(refused.value)


def test_second_tool_of_a_name_is_refused(shop: Shop) -> None:
    def order_status(arguments: Number, *, caller: Caller) -> None:
        """Another one."""

    with pytest.raises(ImproperlyConfigured, match="another tool has this name"):
        tool(order_status)


def test_tools_for_a_caller_are_those_of_the_site_and_the_audience(shop: Shop, site: Site) -> None:
    @tool(sites=("elsewhere",))
    def foreign(arguments: Number, *, caller: Caller) -> None:
        """Of another site."""

    @tool(audience="agent")
    def internal(arguments: Number, *, caller: Caller) -> None:
        """For agents."""

    def names(caller: Caller) -> set[str]:
        return {one.name for one in tools_for(site, caller)}

    assert names(NOBODY) == {"order_status", "cancel_order"}
    assert names(MIA) == {"order_status", "cancel_order", "change_address"}


@pytest.mark.parametrize(
    ("request_", "expected", "state"),
    [
        (call("order_status"), "shipped", "done"),
        (call("order_status", "'; DROP"), "Wrong arguments: number", "refused"),
        (ToolCallRequest("c", "order_status", {}), "Wrong arguments: number", "refused"),
        (call("nonsense"), "no such tool", "refused"),
        # Known, and not this caller's: it can't be told from one that does not exist.
        (call("change_address", street="Here 1"), "no such tool", "refused"),
        (call("cancel_order", "HP-99999"), "was shipped already", "refused"),
    ],
)
async def test_call_by_table_is_answered_and_a_row(
    shop: Shop, conversation: Conversation, request_: ToolCallRequest, expected: str, state: str
) -> None:
    (told,) = await run(conversation, request_)
    row = await ToolCall.objects.aget()
    assert expected in told
    assert (row.tool, row.state, row.turn_id is not None) == (request_.name, state, True)
    assert (row.duration_ms is not None) == (state == "done")
    assert not shop.cancelled


async def test_failing_tool_tells_nothing_of_its_error(
    shop: Shop, conversation: Conversation, caplog: pytest.LogCaptureFixture
) -> None:
    shop.failure = RuntimeError("secret detail")
    (told,) = await run(conversation, call("order_status"))
    row = await ToolCall.objects.aget()
    assert (row.state, row.error_code) == ("failed", "RuntimeError")
    assert "The tool failed." in told
    assert "secret detail" not in told + row.result + caplog.text


async def test_row_of_a_call_holds_no_personal_data(shop: Shop, conversation: Conversation) -> None:
    asked = ToolCallRequest(
        "c", "order_status", {"number": "HP-12345", "notes": ["eve@example.com \x00"]}
    )
    await run(conversation, asked)
    row = await ToolCall.objects.aget()
    assert row.arguments["number"] == "HP-12345"
    assert "eve@example.com" not in str(row.arguments)


async def test_hung_tool_ends_in_time(shop: Shop, conversation: Conversation) -> None:
    import threading

    released = threading.Event()

    @tool(timeout=0.1)
    def hang(arguments: Number, *, caller: Caller) -> None:
        """Hang."""
        released.wait(20)

    (told,) = await run(conversation, call("hang"))
    released.set()
    row = await ToolCall.objects.aget()
    assert "The tool failed." in told
    assert (row.state, row.error_code) == ("failed", "timeout")


async def test_turn_makes_a_few_calls_and_no_more(shop: Shop, conversation: Conversation) -> None:
    turn = await Turn.objects.acreate(
        conversation=conversation, from_seq=1, holder_epoch=0, state="done"
    )
    box = await in_database_thread(open_toolbox)(conversation, turn_pk=turn.pk)
    calls = [call("order_status", key=f"c{number}") for number in range(3)]
    await box.run(calls, seconds=10)
    told = (await box.run(calls, seconds=10)).results
    assert ["No more calls" in one for one in told] == [False, True, True]
    assert len(shop.seen) == MAX_CALLS
    assert await ToolCall.objects.filter(error_code="too_many").acount() == 2


async def test_customer_who_calls_too_often_is_slowed_down(
    shop: Shop, conversation: Conversation
) -> None:
    for _ in range(5):
        await run(conversation, call("order_status"))
    (told,) = await run(conversation, call("order_status"))
    assert "Too many calls in a minute" in told
    assert len(shop.seen) == 5


async def test_trial_is_offered_no_tools(shop: Shop, conversation: Conversation) -> None:
    box = await in_database_thread(open_toolbox)(conversation, turn_pk=None)
    assert box.specs == ()


async def test_turn_with_a_tool_call_answers_from_its_result(
    shop: Shop, ask: Callable[[str], Turn], engine: ScriptedEngine
) -> None:
    # The e-mail in the arguments is the model's idea: it must not count.
    asked = call("order_status", email="eve@example.com")
    engine.add_script(QUESTION, asked, Finished("tool_calls"))
    engine.add_script(QUESTION, *make_answer("Your order was shipped on Monday."))
    turn = await in_database_thread(ask)(QUESTION)
    await run_turn(turn.pk)
    message = await Message.objects.aget(author_kind="assistant")
    assert message.text == "Your order was shipped on Monday."
    assert [(number, caller.email) for number, caller in shop.seen] == [("HP-12345", "")]
    last = engine.requests[1].messages[-1]
    assert (last.role, last.tool_call_id) == ("tool", "c1")
    assert (await ToolCall.objects.aget()).turn_id == turn.pk


async def test_turn_when_the_model_only_calls_tools_ends_with_a_person(
    shop: Shop, ask: Callable[[str], Turn], engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, call("order_status"), Finished("tool_calls"))
    turn = await in_database_thread(ask)(QUESTION)
    await run_turn(turn.pk)
    assert (await Turn.objects.aget()).outcome == "handed_off"
    assert len(shop.seen) == MAX_ROUNDS


def test_registered_schema_is_what_the_model_is_told(shop: Shop) -> None:
    (spec,) = [one.spec for one in registry.registered_tools() if one.name == "order_status"]
    assert spec.description == "Look up an order."
    assert spec.parameters == Number.model_json_schema()
    assert issubclass(Number, BaseModel)


UNHEARD_OF = "Where is my order HP-12345?"


@pytest.mark.parametrize(
    ("scripts", "outcome", "said"),
    [
        (
            [[call("order_status"), Finished("tool_calls")], make_answer("It was shipped Monday.")],
            "answered",
            "It was shipped Monday.",
        ),
        ([[call("cancel_order"), Finished("tool_calls")]], "asked_back", "Cancel order HP-12345?"),
        ([make_answer("Which order do you mean?")], "asked_back", "Which order do you mean?"),
        # What no tool said counts for nothing where no article holds it.
        ([make_answer("Standard shipping takes three working days.")], "handed_off", ""),
        (
            [[call("order_status", "nonsense"), Finished("tool_calls")], make_answer("Shipped.")],
            "handed_off",
            "",
        ),
        ([make_hand_off("cannot_answer")], "handed_off", ""),
    ],
)
async def test_question_that_no_article_answers_is_left_to_the_tools(
    shop: Shop,
    ask: Callable[[str], Turn],
    engine: ScriptedEngine,
    site: Site,
    at_desk: None,
    scripts: list[list[Any]],
    outcome: str,
    said: str,
) -> None:
    turn = await in_database_thread(ask)(UNHEARD_OF)
    await Site.objects.filter(pk=site.pk).aupdate(answer_threshold=1.0)
    for steps in scripts:
        engine.add_script(UNHEARD_OF, *steps)
    await run_turn(turn.pk)
    turn = await Turn.objects.select_related("message").aget(pk=turn.pk)
    assert turn.outcome == outcome
    assert turn.message is not None
    assert said in turn.message.text
    assert "three working days" not in turn.message.text
    assert turn.message.is_answer == (outcome == "answered")
    # Nothing is to be learnt of the search from what a tool said.
    assert bool(turn.features) == (outcome != "answered" and "Cancel" not in said)


async def test_nothing_is_shown_before_a_tool_was_heard(
    shop: Shop,
    ask: Callable[[str], Turn],
    engine: ScriptedEngine,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(
        streaming, "publish_soon", lambda _, event: shown.append(event.get("text", ""))
    )
    turn = await in_database_thread(ask)(UNHEARD_OF)
    await Site.objects.filter(pk=site.pk).aupdate(answer_threshold=1.0)
    asked = call("order_status")
    engine.add_script(UNHEARD_OF, TextDelta("Three working days."), asked, Finished("tool_calls"))
    engine.add_script(UNHEARD_OF, *make_answer("It was shipped Monday."))
    await run_turn(turn.pk)
    assert "".join(shown) == "It was shipped Monday."


async def test_without_a_model_no_tool_is_waited_for(
    shop: Shop, ask: Callable[[str], Turn], site: Site, at_desk: None
) -> None:
    turn = await in_database_thread(ask)("Who won the chess championship in 1972?")
    await run_turn(turn.pk)
    turn = await Turn.objects.aget(pk=turn.pk)
    assert (turn.outcome, turn.hand_off_reason, turn.engine) == ("handed_off", "low_confidence", "")


@pytest.mark.parametrize(
    ("reply", "words"), [("yes please", "press **Confirm**"), ("no thanks", "Nothing happens")]
)
async def test_typed_words_are_no_click(
    shop: Shop, ask: Callable[[str], Turn], engine: ScriptedEngine, reply: str, words: str
) -> None:
    engine.add_script(QUESTION, call("cancel_order"), Finished("tool_calls"))
    turn = await in_database_thread(ask)(QUESTION)
    await run_turn(turn.pk)
    turn = await in_database_thread(ask)(reply)
    await run_turn(turn.pk)
    message = await Message.objects.alatest("seq")
    assert words in message.text
    assert (await ToolCall.objects.aget()).state == "proposed"


async def test_detail_that_was_asked_for_may_be_a_bare_number(
    shop: Shop,
    ask: Callable[[str], Turn],
    engine: ScriptedEngine,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[TurnFacts] = []
    choose = preparing.find_tier
    monkeypatch.setattr(
        preparing, "find_tier", lambda site, facts: told.append(facts) or choose(site, facts)
    )
    turn = await in_database_thread(ask)("Please stop my order")
    await Site.objects.filter(pk=site.pk).aupdate(answer_threshold=1.0)
    engine.add_script("Please stop my order", *make_answer("Which order is it?"))
    await run_turn(turn.pk)
    turn = await in_database_thread(ask)("12345")
    engine.add_script("12345", call("cancel_order"), Finished("tool_calls"))
    engine.add_script("Please stop my order 12345", call("cancel_order"), Finished("tool_calls"))
    await run_turn(turn.pk)
    assert (await ToolCall.objects.aget()).state == "proposed"
    # How sure the articles are chooses no dearer model for what they don't hold.
    assert [(one.confidence, one.needs_tools) for one in told] == [(1.0, True)] * 2
