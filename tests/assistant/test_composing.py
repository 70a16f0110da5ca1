"""What lies between the plan and the message: redaction, the model's verdict, the record."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError

from assistant import spending
from assistant.composing import compose
from assistant.drafts import Job
from assistant.models import CachedAnswer, Reservation, Turn, TurnRecord
from assistant.prompt_library import canary
from assistant.reading import read_question
from assistant.turns import run_turn
from conversations.models import Message, Site
from conversations.services import start_conversation
from core.background import in_database_thread
from escalation.models import HandOff
from llm import tokens
from llm.errors import ModelStreamBroken
from llm.testing import ScriptedEngine, make_answer
from llm.types import Finished, TextDelta, Usage, Verdict
from tests.customers import say

pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[[str], Turn]
QUESTION = "How many days do I have to return unused items?"
ANSWER = "You can return unused items within 30 days of delivery."


def judged(text: str, **verdict: Any) -> tuple[Any, ...]:
    """Return the steps of a reply that ends with the model's own verdict."""
    fields = {"citations": ("p1",), "confidence": 0.95, "language": "en", "needs_human": False}
    usage = Usage("scripted", prompt_tokens=10, completion_tokens=5, cached_tokens=0)
    return (TextDelta(text), Verdict(**{**fields, **verdict}), usage, Finished("stop"))


async def answer(ask: Ask, question: str = QUESTION) -> Turn:
    turn = await in_database_thread(ask)(question)
    await run_turn(turn.pk)
    return await Turn.objects.aget(pk=turn.pk)


async def said() -> str:
    message = await Message.objects.aget(author_kind="assistant")
    return message.text


async def test_personal_data_when_a_model_answers_leaves_and_comes_back_as_a_placeholder(
    ask: Ask, engine: ScriptedEngine
) -> None:
    question = f"{QUESTION} Write to ada@example.com please."
    reply = f"{ANSWER[:-1]}, and we write to <EM", "AIL_1>."
    engine.add_script(question, *make_answer(*reply))
    turn = await answer(ask, question)
    assert await said() == f"{ANSWER[:-1]}, and we write to ada@example.com."
    sent = "".join(one.content for one in engine.requests[0].messages)
    assert "<EMAIL_1>" in sent
    assert "ada@example.com" not in sent
    record = await TurnRecord.objects.aget(turn=turn)
    assert "ada@example.com" not in str(record.data)


async def test_verdict_when_a_person_is_needed_hands_off_with_its_reason(
    ask: Ask, engine: ScriptedEngine
) -> None:
    verdict = {"needs_human": True, "reason": "must_not_decide", "detail": "Wants an exception."}
    engine.add_script(QUESTION, *judged("", **verdict))
    turn = await answer(ask)
    hand_off = await HandOff.objects.aget()
    assert (turn.outcome, turn.hand_off_reason) == ("handed_off", "must_not_decide")
    assert hand_off.detail == "Wants an exception."


async def test_verdict_when_it_names_passages_cites_those_that_were_offered(
    ask: Ask, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER, citations=("p1", "p99", "https://evil.example")))
    turn = await answer(ask)
    message = await Message.objects.aget(author_kind="assistant")
    assert [one["title"] for one in message.citations] == ["Returns and refunds"]
    record = await TurnRecord.objects.aget(turn=turn)
    assert record.data["citations_dropped"] == 2
    assert record.data["verdict"]["confidence"] == turn.self_confidence == 0.95


@pytest.mark.parametrize(
    ("own", "outcome"), [(0.95, "answered"), (None, "answered"), (0.0, "handed_off")]
)
async def test_verdict_when_the_model_doubts_itself_withdraws_the_answer(
    ask: Ask, engine: ScriptedEngine, site: Site, own: float | None, outcome: str
) -> None:
    await Site.objects.filter(pk=site.pk).aupdate(answer_threshold=0.5)
    engine.add_script(QUESTION, *judged(ANSWER, confidence=own))
    turn = await answer(ask)
    assert turn.outcome == outcome
    assert turn.confidence is not None
    assert (turn.confidence >= 0.5) == (outcome == "answered")
    assert turn.self_confidence == own


async def test_record_when_a_turn_is_done_says_what_was_found_sent_and_how_long_it_took(
    ask: Ask, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER))
    turn = await answer(ask)
    data = (await TurnRecord.objects.aget(turn=turn)).data
    assert data["question"] == data["looked_up"] == QUESTION
    assert data["passages"][0]["title"] == "Returns and refunds"
    assert "within 30 days" in data["sent"][-1]["content"]
    assert canary() not in str(data)
    assert {"plan", "prepare", "write (scripted)"} <= {step["name"] for step in data["steps"]}
    assert turn.prompt_version.startswith("answer/")
    assert turn.groundedness == 1.0


async def test_trial_when_composed_stores_nothing(
    engine: ScriptedEngine, articles: None, site: Site
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER))
    reading = await in_database_thread(read_question)(site, QUESTION)
    composed = await compose(reading, Job(seconds=30, engine=engine))
    assert composed.draft.text == ANSWER
    for rows in (Turn, TurnRecord, Message, HandOff):
        assert not await rows.objects.aexists()


async def test_usage_when_it_differs_from_the_count_corrects_the_next_count(
    ask: Ask, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_factors", {})
    usage = Usage("scripted", prompt_tokens=100_000, completion_tokens=5, cached_tokens=0)
    engine.add_script(QUESTION, TextDelta(ANSWER), usage, Finished("stop"))
    await answer(ask)
    assert tokens.factor_of("scripted") > 1.0


async def test_cost_when_the_articles_take_over_is_only_what_the_model_had_written(
    ask: Ask, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, TextDelta("You can return unused "), ModelStreamBroken())
    turn = await answer(ask)
    assert (turn.engine, turn.error_code) == ("extractive", "model_stream_broken")
    # Two attempts, of six tokens each by their length.
    assert 0 < turn.completion_tokens <= 2 * len("You can return unused ") // 3
    settled = await Reservation.objects.aget()
    assert settled.settled_tokens == turn.prompt_tokens + turn.completion_tokens


async def test_answer_when_its_cost_can_not_be_booked_is_given_all_the_same(
    ask: Ask, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def fail(*asked: object) -> None:
        tries.append(asked)
        raise OperationalError

    monkeypatch.setattr(spending, "settle", fail)
    engine.add_script(QUESTION, *make_answer(ANSWER))
    await answer(ask)
    assert await said() == ANSWER
    # Once: the customer does not wait for a second try, and it is left to the relay.
    assert len(tries) == 1
    assert (await Reservation.objects.aget()).state == Reservation.State.HELD


async def test_question_when_it_is_asked_again_by_others_is_answered_without_a_model(
    ask: Ask, engine: ScriptedEngine, site: Site
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER))
    first = await answer(ask)
    other, _ = await in_database_thread(start_conversation)(site)
    await in_database_thread(say)(other, f"  {QUESTION.lower()} ")
    turn = await Turn.objects.aget(conversation=other)
    await run_turn(turn.pk)
    await turn.arefresh_from_db()
    message = await Message.objects.aget(conversation=other, author_kind="assistant")
    assert (turn.engine, message.text, len(engine.requests)) == ("cache", ANSWER, 1)
    assert message.citations
    kept = await CachedAnswer.objects.aget(pk=turn.cached_answer_id)
    assert kept.source_message_id == first.message_id
    assert turn.confidence is not None
