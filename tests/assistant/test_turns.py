"""Whole turns on the real database with the scripted model: every end that one can have."""

import asyncio
from collections.abc import Callable

import pytest

from accounts.models import User
from assistant import services
from assistant.claims import claim_turn
from assistant.models import Reservation, Turn, TurnRecord
from assistant.prompt_library import canary
from assistant.turns import run_turn
from conversations.models import Conversation, Message
from core.background import in_database_thread
from escalation.models import HandOff
from llm.errors import ModelContextTooLong, ModelStreamBroken, ModelUnavailable
from llm.testing import ScriptedEngine, make_answer, make_hand_off
from llm.types import Completion, Finished, TextDelta, Usage
from tests.assistant.conftest import texts, until_asked
from tests.customers import say

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "How many days do I have to return unused items?"
Ask = Callable[[str], Turn]


async def run(turn: Turn) -> Turn:
    await run_turn(turn.pk)
    return await Turn.objects.aget(pk=turn.pk)


async def test_turn_when_answered_stores_one_message_with_its_source(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    engine.add_script(QUESTION, *make_answer("You can return unused ", "items within 30 days [1]."))
    turn = await run(await in_database_thread(ask)(QUESTION))
    message = await Message.objects.aget(author_kind="assistant")
    assert (turn.state, turn.outcome, turn.completion_tokens) == ("done", "answered", 2)
    assert message.text == "You can return unused items within 30 days."
    assert message.public_id == turn.public_id
    assert [one["title"] for one in message.citations] == ["Returns and refunds"]
    asked = engine.requests[0].messages[-1].content
    assert "within 30 days of delivery" in asked
    assert canary() in engine.requests[0].messages[0].content


async def test_turn_of_a_visitor_counts_for_their_network(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    await Conversation.objects.aupdate(network="one")
    engine.add_script(QUESTION, *make_answer("Return unused items within 30 days [1]."))
    turn = await run(await in_database_thread(ask)(QUESTION))
    assert turn.outcome == "answered"
    assert ["network", "one"] in (await Reservation.objects.aget(turn=turn)).scopes


async def test_turn_when_delivered_twice_answers_once(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    engine.add_script(QUESTION, *make_answer("Return unused items within 30 days [1]."))
    turn = await in_database_thread(ask)(QUESTION)
    await asyncio.gather(*(run_turn(turn.pk) for _ in range(3)))
    assert await Message.objects.filter(author_kind="assistant").acount() == 1


async def test_burst_gets_one_answer(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    engine.add_script(
        f"Hello there team\n{QUESTION}", *make_answer("Return unused items within 30 days [1].")
    )
    first = await in_database_thread(ask)("Hello there team")
    second = await in_database_thread(ask)(QUESTION)
    assert first.pk == second.pk
    turn = await run(first)
    assert (turn.from_seq, turn.through_seq) == (1, 2)


async def test_message_during_a_turn_gets_the_next_one(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    gate = asyncio.Event()
    answer = make_answer("Return unused items within 30 days [1].")
    engine.add_script(QUESTION, TextDelta("Return"), gate, *answer[1:])
    engine.add_script("shipping costs?", *make_answer("Standard shipping costs 5 euros [1]."))
    first = await in_database_thread(ask)(QUESTION)
    running = asyncio.create_task(run_turn(first.pk))
    await until_asked(engine)
    second = await in_database_thread(ask)("shipping costs?")
    assert second.pk != first.pk
    assert second.deadline_at is None
    await run_turn(second.pk)
    assert (await Turn.objects.aget(pk=second.pk)).state == "queued"
    gate.set()
    await running
    second = await run(second)
    assert second.state == "done"
    assert second.deadline_at is not None
    assert [kind for kind, _ in await in_database_thread(texts)(conversation)] == [
        "customer", "customer", "assistant", "assistant",
    ]  # fmt: skip


async def test_turn_when_the_articles_do_not_hold_it_hands_off(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation, at_desk: None
) -> None:
    turn = await run(await in_database_thread(ask)("Who won the chess championship in 1972?"))
    hand_off = await HandOff.objects.aget()
    assert (turn.outcome, hand_off.reason) == ("handed_off", "low_confidence")
    assert not engine.requests
    conversation = await Conversation.objects.aget(pk=conversation.pk)
    assert (conversation.status, conversation.last_seq) == ("waiting", 2)


@pytest.mark.parametrize(
    ("text", "reason", "urgency"),
    [
        ("Please let me talk to a person", "asked_for_person", 3),
        ("My lawyer will hear of this", "flagged", 2),
        ("I want to kill myself", "flagged", 1),
        ("This is ridiculous, how do returns work", "negative_sentiment", 2),
    ],
)
async def test_turn_when_flagged_hands_off_with_the_reason(
    ask: Ask, engine: ScriptedEngine, text: str, reason: str, urgency: int
) -> None:
    await run(await in_database_thread(ask)(text))
    hand_off = await HandOff.objects.aget()
    assert (hand_off.reason, hand_off.urgency) == (reason, urgency)
    assert not engine.requests


async def test_turn_when_the_question_is_repeated_hands_off(
    ask: Ask, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *make_answer("Return unused items within 30 days [1]."))
    await run(await in_database_thread(ask)(QUESTION))
    await run(await in_database_thread(ask)(QUESTION))
    assert (await HandOff.objects.aget()).reason == "repeated_question"
    assert len(engine.requests) == 1


async def test_turn_when_the_model_calls_for_a_person_hands_off(
    ask: Ask, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *make_hand_off("must_not_decide", detail="Wants an exception"))
    await run(await in_database_thread(ask)(QUESTION))
    hand_off = await HandOff.objects.aget()
    assert (hand_off.reason, hand_off.detail) == ("must_not_decide", "Wants an exception")


@pytest.mark.parametrize(("died", "asked", "by"), [(2, 1, "scripted"), (3, 0, "extractive")])
async def test_turn_whose_workers_died_asks_a_model_three_times_at_most(
    ask: Ask, engine: ScriptedEngine, died: int, asked: int, by: str
) -> None:
    engine.add_script(QUESTION, *make_answer("Return unused items within 30 days [1]."))
    turn = await in_database_thread(ask)(QUESTION)
    await Turn.objects.filter(pk=turn.pk).aupdate(attempt=died)
    turn = await run(turn)
    assert (turn.outcome, turn.engine, len(engine.requests)) == ("answered", by, asked)


async def test_turn_when_the_model_is_down_answers_from_the_articles(
    ask: Ask, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, ModelUnavailable())
    turn = await run(await in_database_thread(ask)(QUESTION))
    assert (turn.outcome, turn.engine, turn.error_code) == (
        "answered", "extractive", "model_unavailable",
    )  # fmt: skip
    assert "30 days" in (await Message.objects.aget(author_kind="assistant")).text
    assert not await HandOff.objects.aexists()


async def test_turn_when_the_stream_breaks_tries_once_more_and_keeps_no_half(
    ask: Ask, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, TextDelta("Half an ans"), ModelStreamBroken())
    engine.add_script(QUESTION, *make_answer("Return unused items within 30 days [1]."))
    await run(await in_database_thread(ask)(QUESTION))
    message = await Message.objects.aget(author_kind="assistant")
    assert message.text == "Return unused items within 30 days."
    assert len(engine.requests) == 2


@pytest.mark.parametrize(
    "text",
    [
        "The moon landing was faked in Nevada by television producers.",
        "You can return unused items within 90 days [1].",
    ],
)
async def test_turn_when_the_answer_is_not_covered_quotes_the_articles_instead(
    ask: Ask, engine: ScriptedEngine, text: str
) -> None:
    engine.add_script(QUESTION, *make_answer(text))
    turn = await run(await in_database_thread(ask)(QUESTION))
    assert (turn.outcome, turn.engine) == ("answered", "extractive")
    assert turn.error_code == "ungrounded"
    message = await Message.objects.aget(author_kind="assistant")
    assert "within 30 days" in message.text
    assert text.split(" [", maxsplit=1)[0] not in message.text


async def test_turn_when_the_model_filters_the_content_hands_off_as_flagged(
    ask: Ask, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, TextDelta("You can"), Finished("content_filter"))
    await run(await in_database_thread(ask)(QUESTION))
    assert (await HandOff.objects.aget()).reason == "flagged"
    assert not await Message.objects.filter(text__startswith="You can").aexists()


async def test_turn_when_the_answer_is_cut_by_length_quotes_the_articles(
    ask: Ask, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, TextDelta("You can return unu"), Finished("length"))
    turn = await run(await in_database_thread(ask)(QUESTION))
    assert (turn.outcome, turn.engine) == ("answered", "extractive")


async def test_turn_when_the_context_is_too_long_asks_again_without_history(
    ask: Ask, engine: ScriptedEngine
) -> None:
    engine.add_script("shipping costs?", *make_answer("Standard shipping costs 5 euros [1]."))
    await run(await in_database_thread(ask)("shipping costs?"))
    engine.add_script(QUESTION, ModelContextTooLong())
    engine.add_script(QUESTION, *make_answer("Return unused items within 30 days [1]."))
    turn = await run(await in_database_thread(ask)(QUESTION))
    sizes = [len(request.messages) for request in engine.requests]
    assert sizes == [2, 4, 2]
    record = await TurnRecord.objects.aget(turn=turn)
    assert len(record.data["sent"]) == 2
    assert record.data["context"]["shares"]["messages"] == 0


async def test_follow_up_that_a_model_puts_in_full_is_booked_for_its_turn(
    ask: Ask, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def complete(*_: object, **__: object) -> Completion:
        return Completion("Can I return used items?", Usage("small-a", 90, 9, cached_tokens=0))

    monkeypatch.setattr("assistant.follow_ups.complete", complete)
    monkeypatch.setattr("assistant.follow_ups.has_small_model", lambda: True)
    engine.add_script(QUESTION, *make_answer("Return unused items within 30 days [1]."))
    await run(await in_database_thread(ask)(QUESTION))
    assert not await Reservation.objects.filter(purpose="rewrite").aexists()
    turn = await run(await in_database_thread(ask)("and used ones?"))
    booked = await Reservation.objects.aget(purpose="rewrite")
    assert (booked.turn_id, booked.settled_tokens) == (turn.pk, 99)


async def test_turn_when_the_prompt_leaks_withdraws_it(ask: Ask, engine: ScriptedEngine) -> None:
    engine.add_script(QUESTION, *make_answer("My mark is ", canary(), " as you asked."))
    turn = await run(await in_database_thread(ask)(QUESTION))
    assert turn.error_code == "canary"
    assert not await Message.objects.filter(text__contains=canary()).aexists()


async def test_agent_who_takes_over_is_never_spoken_over(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation, agent: User
) -> None:
    gate = asyncio.Event()
    engine.add_script(QUESTION, TextDelta("Return"), gate, Finished("stop"))
    turn = await in_database_thread(ask)(QUESTION)
    running = asyncio.create_task(run_turn(turn.pk))
    await until_asked(engine)
    await in_database_thread(services.take_conversation)(conversation.pk, agent=agent)
    gate.set()
    await running
    kinds = [kind for kind, _ in await in_database_thread(texts)(conversation)]
    assert kinds == ["customer", "system"]
    assert (await Turn.objects.aget(pk=turn.pk)).state == "superseded"


async def test_hand_back_answers_what_is_still_open(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation, agent: User
) -> None:
    engine.add_script(QUESTION, *make_answer("Return unused items within 30 days [1]."))
    await in_database_thread(services.take_conversation)(conversation.pk, agent=agent)
    await in_database_thread(say)(conversation, QUESTION)
    await in_database_thread(services.hand_back)(conversation.pk, agent=agent)
    turn = await Turn.objects.aget()
    await run(turn)
    kinds = [kind for kind, _ in await in_database_thread(texts)(conversation)]
    assert kinds == ["system", "customer", "system", "assistant"]


async def test_stop_keeps_what_was_seen_and_fences_the_writer_off(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    gate = asyncio.Event()
    engine.add_script(QUESTION, TextDelta("Return unused"), gate, Finished("stop"))
    turn = await in_database_thread(ask)(QUESTION)
    running = asyncio.create_task(run_turn(turn.pk))
    await until_asked(engine)
    assert await in_database_thread(services.stop_answer)(
        conversation.pk, turn_id=turn.public_id, shown="Return unused"
    )
    gate.set()
    await running
    assert [text for _, text in await in_database_thread(texts)(conversation)] == [
        QUESTION, "Return unused …",
    ]  # fmt: skip


async def test_claim_when_a_lease_ran_out_fences_the_first_worker_off(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    from django.db.models.functions import Now

    gate = asyncio.Event()
    engine.add_script(QUESTION, gate, *make_answer("The first worker's late answer, 30 days [1]."))
    engine.add_script(QUESTION, *make_answer("Return unused items within 30 days [1]."))
    turn = await in_database_thread(ask)(QUESTION)
    stalled = asyncio.create_task(run_turn(turn.pk))
    await until_asked(engine)
    await Turn.objects.aupdate(lease_until=Now())
    await run(turn)
    gate.set()
    await stalled
    assert [text for _, text in await in_database_thread(texts)(conversation)] == [
        QUESTION, "Return unused items within 30 days.",
    ]  # fmt: skip
    assert (await Turn.objects.aget()).attempt == 2


async def test_turn_when_the_work_itself_fails_ends_with_a_person(
    ask: Ask, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, conversation: Conversation
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("assistant.composing.plan_turn", broken)
    turn = await run(await in_database_thread(ask)(QUESTION))
    assert (turn.state, turn.error_code) == ("failed", "RuntimeError")
    assert (await HandOff.objects.aget()).reason == "model_unavailable"
    last = (await in_database_thread(texts)(conversation))[-1][1]
    assert "person from our team" in last
    assert "defect" not in last


def test_claim_turn_when_the_conversation_has_a_running_one_is_refused(ask: Ask) -> None:
    turn = ask(QUESTION)
    assert claim_turn(turn.pk) is not None
    assert claim_turn(turn.pk) is None
    assert claim_turn(987654) is None
