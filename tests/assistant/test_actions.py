"""Effects: proposed in a turn, decided by a click, done once at most, and never left in doubt."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.utils import timezone

from accounts.models import User
from assistant.actions import decide
from assistant.carrying_out import carry_out
from assistant.models import ToolCall, Turn
from assistant.polling import _due
from assistant.relay import run_once
from assistant.services import end_by_customer, receive_customer_message, take_conversation
from assistant.tools import ToolRefused, registry
from assistant.tools.http import CallFailed
from assistant.turns import run_turn
from conversations.models import Conversation, Customer, Message
from conversations.services import start_conversation
from core.background import in_database_thread
from core.errors import Forbidden, NotFound
from escalation.models import HandOff
from llm.testing import ScriptedEngine
from llm.types import Finished, ToolCallRequest
from tests.assistant.acting import Shop
from tests.assistant.acting import shop as shop  # noqa: PLC0414 - a fixture
from tests.assistant.conftest import texts

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "How many days do I have to return unused items?"
CANCEL = ToolCallRequest("c1", "cancel_order", {"number": "HP-12345"})
MOVE = ToolCallRequest("c1", "change_address", {"number": "HP-12345", "street": "Long Lane 1"})
run = async_to_sync(carry_out)


@pytest.fixture
def sign_in(conversation: Conversation) -> Callable[..., None]:
    """Let the conversation be a signed customer's, for so many minutes."""

    def change(minutes: float, *, external_id: str = "mia") -> None:
        customer, _ = Customer.objects.get_or_create(
            site=conversation.site, external_id=external_id, is_verified=True
        )
        Conversation.objects.filter(pk=conversation.pk).update(
            customer=customer, identity_expires_at=timezone.now() + timedelta(minutes=minutes)
        )

    return change


@pytest.fixture
def proposed(
    shop: Shop, ask: Callable[[str], Turn], engine: ScriptedEngine
) -> Callable[[ToolCallRequest], ToolCall]:
    """Let a turn propose an effect; return the call whose card its message shows."""

    def propose(request: ToolCallRequest = CANCEL) -> ToolCall:
        question = f"{QUESTION} {uuid.uuid4().hex[:6]}"
        engine.add_script(question, request, Finished("tool_calls"))
        turn = ask(question)
        async_to_sync(run_turn)(turn.pk)
        return ToolCall.objects.get(turn=turn)

    return propose


def shift(call: ToolCall, **seconds: float) -> None:
    """Move a call's times, as if so many seconds had passed."""
    for name, amount in seconds.items():
        moved = getattr(call, name) or timezone.now()
        ToolCall.objects.filter(pk=call.pk).update(**{name: moved - timedelta(seconds=amount)})


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


def test_refused_effect_is_said_and_a_person_offered(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    shop.failure = ToolRefused("the order has left the warehouse.")
    decide(conversation.pk, call_id=call.public_id, accept=True)
    run(call.pk)
    last = Message.objects.latest("seq")
    call.refresh_from_db()
    assert call.state == "refused"
    assert last.text == "That was not done: the order has left the warehouse."
    assert last.suggestions == ["Talk to a person"]


@pytest.mark.parametrize("failure", [RuntimeError("secret detail"), CallFailed("status_500")])
def test_unknown_outcome_goes_to_a_person_and_is_not_tried_again(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall], failure: Exception
) -> None:
    call = proposed()
    shop.failure = failure
    decide(conversation.pk, call_id=call.public_id, accept=True)
    run(call.pk)
    shift(call, decided_at=3600)
    run(call.pk)
    run_once()
    hand_off = HandOff.objects.get()
    call.refresh_from_db()
    assert (call.state, hand_off.reason, len(shop.cancelled)) == ("unknown", "tool_failed", 1)
    assert "Cancel order HP-12345" in hand_off.detail
    assert "secret detail" not in hand_off.detail + texts(conversation)[-1][1]
    assert "can't tell whether that went through" in texts(conversation)[-1][1]


def test_worker_killed_between_effect_and_result_goes_to_a_person(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    decide(conversation.pk, call_id=call.public_id, accept=True)
    # What a worker leaves that was killed after it had begun.
    ToolCall.objects.update(state="running", started_at=timezone.now())
    run(call.pk)
    assert run_once()["actions"] == 0
    shift(call, started_at=60)
    assert run_once()["actions"] == 1
    call.refresh_from_db()
    assert (call.state, call.error_code, shop.cancelled) == ("unknown", "lost", [])
    assert HandOff.objects.get().reason == "tool_failed"
    assert run_once()["actions"] == 0


def test_confirmed_effect_without_a_task_is_found_by_the_workers(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    decide(conversation.pk, call_id=call.public_id, accept=True)
    assert _due() == []
    shift(call, decided_at=3)
    (work,) = _due()
    async_to_sync(in_loop(work))()
    assert len(shop.cancelled) == 1


def in_loop(work: object) -> Callable[[], object]:
    """Return a coroutine function that awaits ``work``."""

    async def wait() -> None:
        await work  # type: ignore[misc]

    return wait


def test_effect_that_no_worker_began_ends_undone(
    shop: Shop, conversation: Conversation, proposed: Callable[..., ToolCall]
) -> None:
    call = proposed()
    decide(conversation.pk, call_id=call.public_id, accept=True)
    shift(call, decided_at=100)
    assert run_once()["actions"] == 1
    run(call.pk)
    call.refresh_from_db()
    assert (call.state, shop.cancelled) == ("failed", [])
    assert "could not be started in time" in texts(conversation)[-1][1]


@pytest.mark.parametrize("fails", [False, True])
def test_assistant_does_not_speak_over_the_agent_who_took_over(
    shop: Shop,
    conversation: Conversation,
    proposed: Callable[..., ToolCall],
    agent: User,
    fails: bool,
) -> None:
    call = proposed()
    take_conversation(conversation.pk, agent=agent)
    shop.failure = RuntimeError() if fails else None
    decide(conversation.pk, call_id=call.public_id, accept=True)
    run(call.pk)
    author, text = texts(conversation)[-1]
    assert author == "system"
    assert ("not known yet" if fails else "is cancelled") in text
    assert Conversation.objects.get().agent == agent


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
    receive_customer_message(conversation.pk, client_id=uuid.uuid4(), text="one more thing")
    assert decide(conversation.pk, call_id=call.public_id, accept=True).state == "confirmed"
