"""Effects: proposed in a turn, decided by a click, done once at most, and never left in doubt."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from assistant.actions import decide
from assistant.models import ToolCall, Turn
from assistant.relay import run_once
from assistant.services import end_by_customer
from assistant.tools import registry
from assistant.turns import run_turn
from conversations.models import Conversation, Message
from conversations.services import start_conversation
from core.background import in_database_thread
from core.errors import Forbidden, NotFound
from llm.testing import ScriptedEngine
from llm.types import Finished, ToolCallRequest
from tests.assistant.acting import CANCEL, MOVE, QUESTION, Shop, run, shift
from tests.assistant.acting import proposed as proposed  # noqa: PLC0414 - a fixture
from tests.assistant.acting import shop as shop  # noqa: PLC0414 - a fixture
from tests.assistant.acting import sign_in as sign_in  # noqa: PLC0414 - a fixture
from tests.assistant.conftest import texts
from tests.customers import say

pytestmark = pytest.mark.django_db(transaction=True)


def test_write_is_proposed_and_nothing_happens(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    message = Message.objects.get(author_kind="assistant")
    assert (call.state, call.message_id) == ("proposed", message.pk)
    assert message.text.startswith("Cancel order HP-12345?\n\n- You get your money back.")
    assert not message.is_answer
    assert call.turn is not None
    assert call.turn.outcome == "asked_back"
    assert call.expires_at is not None
    assert timedelta(minutes=9) < call.expires_at - timezone.now() < timedelta(minutes=11)
    assert shop.cancelled == []


def test_real_arguments_are_sealed_and_gone_at_the_end(
    shop: Shop,
    sign_in: Callable[..., None],
    proposed: Callable[..., ToolCall],
    conversation: Conversation,
) -> None:
    sign_in(5)
    call = proposed(
        ToolCallRequest("c", "change_address", {"number": "HP-12345", "street": "mia@example.com"})
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT arguments::text, sealed_arguments FROM assistant_toolcall")
        (plain, sealed) = cursor.fetchone()
    assert sealed
    assert "mia@example.com" not in plain + sealed
    decide(conversation.pk, call_id=call.public_id, accept=True)
    run(call.pk)
    call.refresh_from_db()
    assert (call.state, call.sealed_arguments) == ("done", "")
    assert shop.moved == [("HP-12345", "mia@example.com")]


def test_confirmed_effect_happens_once_and_is_said(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    assert decide(conversation.pk, call_id=call.public_id, accept=True).state == "confirmed"
    run(call.pk)
    run(call.pk)
    assert decide(conversation.pk, call_id=call.public_id, accept=True).state == "done"
    assert decide(conversation.pk, call_id=call.public_id, accept=False).state == "done"
    assert shop.cancelled == [("HP-12345", str(call.public_id))]
    assert texts(conversation)[-1] == ("assistant", "Order HP-12345 is cancelled.")
    call.refresh_from_db()
    assert call.duration_ms is not None
    assert Message.objects.latest("seq").is_answer


def test_cancelled_effect_never_happens(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    assert decide(conversation.pk, call_id=call.public_id, accept=False).state == "cancelled"
    assert decide(conversation.pk, call_id=call.public_id, accept=True).state == "cancelled"
    run(call.pk)
    assert shop.cancelled == []
    assert texts(conversation)[-1][1] == "All right, I have left everything as it is."


def test_two_clicks_at_once_are_one_effect(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    together = threading.Barrier(6)

    def click(accept: bool | None) -> None:
        together.wait()
        try:
            if accept is None:
                run(call.pk)
            else:
                decide(conversation.pk, call_id=call.public_id, accept=accept)
        finally:
            connection.close()

    wishes = (True, False, True, True, None, None)
    clicks = [threading.Thread(target=click, args=(accept,)) for accept in wishes]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join(20)
    run(call.pk)
    call.refresh_from_db()
    assert (call.state, len(shop.cancelled)) in {("done", 1), ("cancelled", 0)}


def test_two_workers_at_once_are_one_effect(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    decide(conversation.pk, call_id=call.public_id, accept=True)
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        try:
            run(call.pk)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(20)
    assert len(shop.cancelled) == 1


def test_click_past_the_expiry_does_nothing(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    shift(call, expires_at=601)
    assert decide(conversation.pk, call_id=call.public_id, accept=True).state == "expired"
    run(call.pk)
    call.refresh_from_db()
    assert (shop.cancelled, call.sealed_arguments) == ([], "")


def test_relay_expires_what_nobody_decided(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    assert run_once()["actions"] == 0
    shift(call, expires_at=601)
    revision = Conversation.objects.get().revision
    assert run_once()["actions"] == 1
    call.refresh_from_db()
    assert call.state == "expired"
    assert Conversation.objects.get().revision > revision


def test_newer_card_makes_the_older_void(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    older = proposed()
    revision = Conversation.objects.get().revision
    newer = proposed()
    older.refresh_from_db()
    assert (older.state, newer.state) == ("expired", "proposed")
    # Whoever shows the older one looks again.
    assert Conversation.objects.get().revision > revision


def test_ended_conversation_has_nothing_to_confirm(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    end_by_customer(conversation.pk)
    assert decide(conversation.pk, call_id=call.public_id, accept=True).state == "expired"


def test_card_of_another_conversation_does_not_exist(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    other, _ = start_conversation(conversation.site)
    for accept in (True, False):
        with pytest.raises(NotFound):
            decide(other.pk, call_id=call.public_id, accept=accept)
    call.refresh_from_db()
    assert call.state == "proposed"


def test_proposal_of_a_lost_turn_can_not_be_confirmed(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    ToolCall.objects.update(message=None)
    with pytest.raises(NotFound):
        decide(conversation.pk, call_id=call.public_id, accept=True)


@pytest.mark.parametrize(
    ("later", "words"),
    [
        ({"minutes": -1}, "sign in on our website again"),
        ({"minutes": 5, "external_id": "eve"}, "before you signed in"),
    ],
)
def test_click_by_another_identity_is_refused_in_plain_words(
    shop: Shop,
    conversation: Conversation,
    sign_in: Callable[..., None],
    proposed: Callable[..., ToolCall],
    later: dict[str, object],
    words: str,
) -> None:
    sign_in(5)
    call = proposed(MOVE)
    sign_in(**later)
    with pytest.raises(Forbidden) as refused:
        decide(conversation.pk, call_id=call.public_id, accept=True)
    assert words in refused.value.detail
    call.refresh_from_db()
    assert call.state == "proposed"
    sign_in(5)
    assert decide(conversation.pk, call_id=call.public_id, accept=True).state == "confirmed"


def test_identity_that_lapses_before_the_work_stops_it(
    shop: Shop,
    conversation: Conversation,
    sign_in: Callable[..., None],
    proposed: Callable[..., ToolCall],
) -> None:
    sign_in(5)
    call = proposed(MOVE)
    decide(conversation.pk, call_id=call.public_id, accept=True)
    sign_in(-1)
    run(call.pk)
    call.refresh_from_db()
    assert (call.state, shop.moved) == ("refused", [])
    assert "sign in on our website again" in texts(conversation)[-1][1]


def test_tool_taken_away_meanwhile_is_not_run(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    del registry._registry["cancel_order"]
    with pytest.raises(Forbidden, match="any more"):
        decide(conversation.pk, call_id=call.public_id, accept=True)


async def test_turn_with_reads_and_a_write_reads_and_proposes(
    shop: Shop, ask: Callable[[str], Turn], engine: ScriptedEngine
) -> None:
    read = ToolCallRequest("r", "order_status", {"number": "HP-12345"})
    engine.add_script(QUESTION, read, CANCEL, CANCEL, Finished("tool_calls"))
    turn = await in_database_thread(ask)(QUESTION)
    await run_turn(turn.pk)
    states = [one.state async for one in ToolCall.objects.order_by("pk")]
    assert states == ["done", "proposed"]
    assert len(engine.requests) == 1


def test_text_that_no_column_takes_costs_nothing(
    shop: Shop,
    conversation: Conversation,
    sign_in: Callable[..., None],
    proposed: Callable[..., ToolCall],
) -> None:
    sign_in(5)
    street = "Long\x00 Lane \ud800 1\nTo: elsewhere"
    call = proposed(
        ToolCallRequest("c\r\n", "change_address", {"number": "HP-12345", "street": street})
    )
    assert call.card["lines"] == ["To: Long Lane ? 1 To: elsewhere"]
    decide(conversation.pk, call_id=call.public_id, accept=True)
    run(call.pk)
    assert shop.moved == [("HP-12345", "Long Lane ? 1\nTo: elsewhere")]


def test_customer_may_write_on_while_a_card_is_open(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    say(conversation, "one more thing")
    assert decide(conversation.pk, call_id=call.public_id, accept=True).state == "confirmed"
