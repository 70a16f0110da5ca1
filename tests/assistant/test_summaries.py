"""Summaries behind the scenes: when one is made, of what, and what is never kept."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from pytest_django import Settings

from assistant import summaries
from assistant.context import Material, build_context, history_share
from assistant.dispatch import SUMMARISE, publish_summary
from assistant.memory import history_of, recall, redactor_of
from assistant.models import BudgetLimit, ConversationSummary, LearntFact, Reservation
from assistant.prompt_library import load_prompt
from assistant.summaries import summarise_conversation
from assistant.tasks import summarise_conversation_task
from conversations.models import Conversation, Message
from core.background import in_database_thread
from llm import client
from llm.capabilities import Capabilities
from llm.connections import close_clients
from llm.errors import ModelUnavailable
from llm.tokens import raw_tokens
from llm.types import ChatMessage, Completion, Usage
from supportbot.celery import app
from tests.upstream.server import serve_upstream

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = "the blue canoe leaks at its second seam when it is loaded "


class Model:
    """A small model that replies what a test wrote, and keeps what it was asked."""

    def __init__(self) -> None:
        self.reply: str | Exception = notes("They ask about a leak.")
        self.asked: list[str] = []

    async def complete(self, messages: Sequence[ChatMessage], **_: Any) -> Completion:
        self.asked.append("\n".join(message.content for message in messages))
        if isinstance(self.reply, Exception):
            raise self.reply
        return Completion(self.reply, Usage("small-1", 100, 20, 0))


def notes(summary: str, *facts: tuple[str, str, int]) -> str:
    listed = [{"key": key, "value": value, "message": seq} for key, value, seq in facts]
    return json.dumps({"summary": summary, "facts": listed})


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    """A model in place of the small tier's."""
    fake = Model()
    monkeypatch.setattr(summaries, "complete", fake.complete)
    monkeypatch.setattr(summaries, "has_small_model", lambda: True)
    return fake


def talk(conversation: Conversation, *texts: str) -> None:
    """Let the customer say the texts, each answered at some length."""
    for text in texts:
        for kind, words in (("customer", text), ("assistant", WORDS * 6)):
            conversation.last_seq += 1
            Message.objects.create(
                conversation=conversation,
                seq=conversation.last_seq,
                episode=conversation.episode,
                author_kind=kind,
                text=words,
            )
    conversation.save()


async def summarise(conversation: Conversation) -> list[ConversationSummary]:
    await summarise_conversation(conversation.pk, tier="small")
    rows = ConversationSummary.objects.filter(conversation=conversation).order_by("version")
    return [row async for row in rows]


@pytest.fixture
def long(conversation: Conversation) -> Conversation:
    """A conversation that no longer fits into the small tier's share."""
    talk(conversation, *(f"Question {number}: {WORDS}" for number in range(1, 9)))
    return conversation


async def test_nothing_is_summarised_while_everything_fits(
    conversation: Conversation, model: Model
) -> None:
    await in_database_thread(talk)(conversation, WORDS)
    assert await summarise(conversation) == []
    assert not model.asked


async def test_nothing_is_summarised_without_a_key(
    long: Conversation, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "has_small_model", lambda: False)
    assert await summarise(long) == []
    assert not model.asked


async def test_nothing_is_summarised_when_the_budget_is_spent(
    long: Conversation, model: Model
) -> None:
    await BudgetLimit.objects.acreate(scope="conversation", tokens=1_000)
    assert await summarise(long) == []
    assert not model.asked


async def test_summary_is_booked_with_what_it_cost(long: Conversation, model: Model) -> None:
    await summarise(long)
    booked = await Reservation.objects.aget()
    assert (booked.purpose, booked.state, booked.settled_tokens) == ("summary", "settled", 120)


async def test_oldest_messages_are_summarised_and_the_newest_are_left(
    long: Conversation, model: Model
) -> None:
    (summary,) = await summarise(long)
    assert (summary.version, summary.text) == (1, "They ask about a leak.")
    assert (summary.model, summary.prompt_version) == ("small-1", "summary/1")
    assert "[1] customer: Question 1" in model.asked[0]
    assert "Question 8" not in model.asked[0]
    kept = Message.objects.filter(conversation=long, seq__gt=summary.through_seq)
    tokens = [raw_tokens(text, model="") async for text in kept.values_list("text", flat=True)]
    assert 0 < sum(tokens) <= history_share("small") * 0.25


async def test_repeat_does_nothing(long: Conversation, model: Model) -> None:
    await summarise(long)
    assert len(await summarise(long)) == 1
    assert len(model.asked) == 1


async def test_two_at_once_store_one_version(
    long: Conversation, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = model.complete

    async def complete(messages: Sequence[ChatMessage], **options: Any) -> Completion:
        if not model.asked:
            await reply(messages)
            await summarise_conversation(long.pk, tier="small")
        return await reply(messages)

    monkeypatch.setattr(summaries, "complete", complete)
    assert [one.version for one in await summarise(long)] == [1]
    assert len(model.asked) == 3


async def test_next_version_builds_on_the_one_before(long: Conversation, model: Model) -> None:
    (first,) = await summarise(long)
    await in_database_thread(talk)(long, *(f"More {n}: {WORDS}" for n in range(1, 6)))
    model.reply = notes("The leak is mended.")
    second = (await summarise(long))[1]
    assert (second.version, second.text) == (2, "The leak is mended.")
    assert second.through_seq > first.through_seq
    assert "They ask about a leak." in model.asked[1]
    assert "Question 1" not in model.asked[1]


async def test_prompt_finds_the_summary_of_what_it_drops(long: Conversation, model: Model) -> None:
    await summarise(long)
    memory = await in_database_thread(recall)(long)
    rows = [row async for row in Message.objects.filter(conversation=long).order_by("seq")]
    material = Material(
        site_name="Shop",
        prompt=load_prompt("answer"),
        question="And now?",
        history=history_of(rows),
        summaries=memory.summaries,
    )
    context = build_context(material, tier="small", structured=True, model="gpt-4.1-mini")
    assert context.left_out["messages"] > 0
    assert "They ask about a leak." in context.messages[1].content
    assert not context.wants_summary


async def test_another_episode_is_not_summarised(long: Conversation, model: Model) -> None:
    long.episode = 2
    await long.asave()
    assert await summarise(long) == []


async def test_personal_data_is_neither_sent_nor_stored(
    conversation: Conversation, model: Model
) -> None:
    await in_database_thread(talk)(
        conversation, f"I am jo@example.com {WORDS}", *(f"Why {n} {WORDS}" for n in range(8))
    )
    model.reply = notes("Jo of jo@example.com, <EMAIL_1>, asks.", ("product", "jo@example.com", 1))
    (summary,) = await summarise(conversation)
    assert "I am <EMAIL_1>" in model.asked[0]
    assert "jo@example.com" not in model.asked[0]
    assert summary.text == "Jo of <EMAIL_1>, <EMAIL_1>, asks."
    assert not await LearntFact.objects.aexists()


def test_placeholders_are_those_of_the_turns(conversation: Conversation) -> None:
    first, second = redactor_of(conversation), redactor_of(conversation)
    texts = ["Mail a@example.com", "or b@example.com and a@example.com"]
    assert [first.redact(text) for text in texts] == [second.redact(text) for text in texts]
    assert first.redact(texts[1]) == "or <EMAIL_2> and <EMAIL_1>"


async def test_facts_are_learnt_by_the_same_call(conversation: Conversation, model: Model) -> None:
    await in_database_thread(talk)(
        conversation, "I own a Swift 15 canoe", *(f"Why {n} {WORDS}" for n in range(8))
    )
    model.reply = notes(
        "A canoe.",
        ("product", "Swift 15 canoe", 1),
        ("product_version", "invented 99", 1),
        ("device", WORDS.strip(), 2),
        ("interest", "leaks", 999),
    )
    await summarise(conversation)
    facts = [fact async for fact in LearntFact.objects.values_list("key", "value")]
    assert facts == [("product", "Swift 15 canoe")]
    assert len(model.asked) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "They ask about a leak.",
        '{"summary": ""  , "facts": []}',
        '{"summary": "x"}',
        '{"summary": "x", "facts": [{"key": 1}]}',
        '{"summary": "x", "facts": [], "role": "admin"}',
        ModelUnavailable(),
    ],
)
async def test_nothing_is_stored_of_a_reply_that_is_no_notes(
    long: Conversation, model: Model, reply: str | Exception
) -> None:
    model.reply = reply
    assert await summarise(long) == []


async def test_notes_in_a_fence_are_read(long: Conversation, model: Model) -> None:
    model.reply = f"Here you are:\n```json\n{notes('A leak.')}\n```"
    assert [one.text for one in await summarise(long)] == ["A leak."]


async def test_long_summary_is_clipped(long: Conversation, model: Model) -> None:
    model.reply = notes("word " * 2_000)
    assert len((await summarise(long))[0].text) == summaries.MAX_SUMMARY_CHARACTERS


@pytest.mark.parametrize("is_structured", [True, False])
async def test_request_is_one_that_servers_take(
    long: Conversation,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    is_structured: bool,
) -> None:
    can = Capabilities(structured_output=is_structured)
    monkeypatch.setattr(client, "capabilities_of", lambda model: can)
    async with serve_upstream() as upstream:
        settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "key-one", upstream.base_url
        settings.OPENAI_SMALL_MODELS = ["small-a"]
        upstream.behave(text=notes("A leak."))
        (summary,) = await summarise(long)
        await close_clients()
    (request,) = upstream.requests
    assert (summary.text, summary.model) == ("A leak.", "small-a")
    assert not request["errors"]
    assert ("response_format" in request["body"]) is is_structured
    assert request["body"]["max_completion_tokens"] == summaries.MAX_TOKENS


def test_task_works_on_the_turns_pool(long: Conversation, model: Model) -> None:
    assert summarise_conversation_task.name == SUMMARISE
    assert app.amqp.router.route({}, SUMMARISE)["queue"].name == "turns"
    summarise_conversation_task(long.pk, "small")
    assert len(model.asked) == 1


def test_summary_that_can_not_be_asked_for_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError

    monkeypatch.setattr("assistant.dispatch.current_app.send_task", refuse)
    assert publish_summary(1, tier="small") is False
