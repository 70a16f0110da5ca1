"""What becomes of a confirmed effect: done, refused, not begun, or unknown; never left in doubt."""

from collections.abc import Callable

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from accounts.models import User
from assistant.actions import decide
from assistant.models import ToolCall
from assistant.polling import _due
from assistant.relay import run_once
from assistant.services import take_conversation
from assistant.tools import ToolRefused
from assistant.tools.http import CallFailed
from conversations.models import Conversation, Message
from escalation.models import HandOff
from tests.assistant.acting import Shop, run, shift
from tests.assistant.acting import proposed as proposed  # noqa: PLC0414 - a fixture
from tests.assistant.acting import shop as shop  # noqa: PLC0414 - a fixture
from tests.assistant.conftest import texts

pytestmark = pytest.mark.django_db(transaction=True)


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
    assert _due(1) == []
    shift(call, decided_at=3)
    (work,) = _due(1)
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
