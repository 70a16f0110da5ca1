"""Help for people, from the request to the output, with and without a model."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from assistant.helping import asking, running
from assistant.helping.article_writing import keep_article
from assistant.helping.outcomes import detail_of
from assistant.models import BudgetLimit, HelperRun, Reservation, Turn
from assistant.services import resolve_by_agent, send_agent_reply, take_conversation
from assistant.turns import run_turn
from conversations.models import Conversation, Message, Site
from conversations.services import append_message, lock_conversation
from core.background import in_database_thread
from core.errors import Forbidden
from knowledge.models import Article
from llm.errors import ModelBadRequest, ModelUnavailable
from llm.models import ModelPrice
from llm.pricing import forget_prices
from tests.assistant.conftest import RETURNS
from tests.assistant.helping import Ask, ScriptedCompletions, carried_out
from tests.conftest import make_user
from tests.customers import say

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "How many days do I have to return unused items?"
Kind = HelperRun.Kind


@pytest.fixture
def no_model(settings: Settings) -> None:
    settings.OPENAI_API_KEY = settings.OPENAI_API_KEY_FILE = ""


@pytest.fixture
def model(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> ScriptedCompletions:
    settings.OPENAI_API_KEY = "sk-test-1"
    scripted = ScriptedCompletions()
    monkeypatch.setattr(asking, "complete", scripted)
    return scripted


async def helped(ask: Ask, kind: str, **given: object) -> HelperRun:
    return await carried_out(await in_database_thread(ask)(kind, **given))


async def test_draft_without_a_model_quotes_the_article_and_names_it(
    conversation: Conversation, articles: None, ask_help: Ask, no_model: None
) -> None:
    await in_database_thread(say)(conversation, QUESTION)
    run = await helped(ask_help, Kind.DRAFT_REPLY)
    assert (run.state, run.engine, run.model) == ("done", "extractive", "")
    assert "within 30 days of delivery" in run.output["text"]
    assert [one["title"] for one in run.output["sources"]] == ["Returns and refunds"]
    assert await Message.objects.filter(author_kind="agent").acount() == 0


async def test_draft_answers_the_question_among_other_lines_and_names_no_article(
    conversation: Conversation, articles: None, ask_help: Ask, no_model: None
) -> None:
    for text in (QUESTION, "I am in a hurry", "thanks a lot!"):
        await in_database_thread(say)(conversation, text)
    run = await helped(ask_help, Kind.DRAFT_REPLY)
    assert "within 30 days of delivery" in run.output["text"]
    assert "Returns and refunds" not in run.output["text"]
    assert [one["title"] for one in run.output["sources"]] == ["Returns and refunds"]


async def test_draft_repeats_no_answer_that_was_given(
    conversation: Conversation, articles: None, ask_help: Ask, no_model: None
) -> None:
    def talk() -> None:
        say(conversation, QUESTION)
        locked = lock_conversation(conversation.pk)
        append_message(locked, author_kind="assistant", text="30 days.", is_answer=True)
        say(conversation, "Who won the chess championship?")

    await in_database_thread(transaction.atomic(talk))()
    run = await helped(ask_help, Kind.DRAFT_REPLY)
    assert (run.state, run.error_code) == ("failed", "nothing_found")


async def test_draft_by_a_model_keeps_the_sources_it_was_offered(
    conversation: Conversation, articles: None, ask_help: Ask, model: ScriptedCompletions
) -> None:
    await in_database_thread(say)(conversation, QUESTION)
    model.replies = [{"text": "You have 30 days.", "sources": [1, 99, 0, -1]}]
    run = await helped(ask_help, Kind.DRAFT_REPLY)
    assert (run.state, run.output["text"]) == ("done", "You have 30 days.")
    assert [one["title"] for one in run.output["sources"]] == ["Returns and refunds"]
    assert (run.engine, run.model, run.prompt_version) == ("openai", "gpt-test", "draft_reply/1")
    assert (run.prompt_tokens, run.completion_tokens) == (100, 20)
    assert RETURNS in model.read
    assert model.tiers == ["standard"]


async def test_draft_when_no_article_answers_says_so(
    conversation: Conversation, articles: None, ask_help: Ask, no_model: None
) -> None:
    await in_database_thread(say)(conversation, "Who won the chess championship?")
    run = await helped(ask_help, Kind.DRAFT_REPLY)
    assert (run.state, run.error_code, run.output) == ("failed", "nothing_found", {})
    assert "No help article" in detail_of(run.error_code)


@pytest.mark.parametrize("kind", [Kind.DRAFT_REPLY, Kind.SUMMARY, Kind.TITLE, Kind.TRANSLATION])
async def test_help_when_nothing_was_said_fails_with_the_reason(
    articles: None, ask_help: Ask, no_model: None, kind: str
) -> None:
    run = await helped(ask_help, kind)
    assert (run.state, run.error_code) == ("failed", "nothing_said")


async def test_summary_without_a_model_has_the_first_question_the_reason_and_the_last_words(
    conversation: Conversation, agent: User, ask_help: Ask, no_model: None
) -> None:
    def talk() -> None:
        say(conversation, "My tent leaks at the seam.")
        say(conversation, "I want to talk to a person")
        take_conversation(conversation.pk, agent=agent)
        send_agent_reply(conversation.pk, agent=agent, text="I am looking into it.", client_id=None)

    await in_database_thread(talk)()
    run = await helped(ask_help, Kind.SUMMARY)
    text = run.output["text"]
    assert "Asked first: \u201cMy tent leaks at the seam.\u201d" in text
    assert "Agent: I am looking into it." in text
    assert "Passed on:" in text


@pytest.mark.parametrize(("kind", "given"), [(Kind.TRANSLATION, {}), (Kind.ARTICLE, {})])
async def test_help_that_needs_a_model_says_so_without_one(
    conversation: Conversation,
    agent: User,
    ask_help: Ask,
    no_model: None,
    kind: str,
    given: dict[str, str],
) -> None:
    await in_database_thread(_resolved)(conversation, agent)
    run = await helped(ask_help, kind, **given)
    assert (run.state, run.error_code) == ("failed", "needs_model")


async def test_personal_data_leaves_as_placeholders_and_comes_back(
    conversation: Conversation, ask_help: Ask, model: ScriptedCompletions
) -> None:
    await in_database_thread(say)(conversation, "Write to jonas@example.com about my tent.")
    model.replies = [{"text": "Wants an answer to <EMAIL_1>."}]
    run = await helped(ask_help, Kind.SUMMARY)
    assert "jonas@example.com" not in model.read
    assert "<EMAIL_1>" in model.read
    assert run.output["text"] == "Wants an answer to jonas@example.com."


async def test_translation_goes_to_english_or_to_the_customers_language(
    conversation: Conversation, ask_help: Ask, model: ScriptedCompletions
) -> None:
    await in_database_thread(say)(conversation, "Wann kommt mein Paket denn endlich bei mir an?")
    model.replies = [{"text": "When will my parcel come?"}, {"text": "Es kommt morgen."}]
    run = await helped(ask_help, Kind.TRANSLATION)
    assert run.output == {"text": "When will my parcel come?", "language": "en"}
    assert "into English" in model.read
    assert "Wann kommt mein Paket" in model.read
    run = await helped(ask_help, Kind.TRANSLATION, text="It comes tomorrow.")
    assert run.output == {"text": "Es kommt morgen.", "language": "de"}
    assert "into German" in model.read


async def test_tone_title_and_tags_by_a_model(
    conversation: Conversation, articles: None, ask_help: Ask, model: ScriptedCompletions
) -> None:
    await in_database_thread(say)(conversation, QUESTION)
    model.replies = [
        {"text": "Gladly: 30 days."},
        {"text": "Return period " + "long " * 40},
        {"tags": ["Returns", "returns ", "", "a", "b", "c", "d"]},
    ]
    run = await helped(ask_help, Kind.TONE, text="30 days.", tone="friendly")
    assert run.output == {"text": "Gladly: 30 days.", "tone": "friendly"}
    assert "warmer" in model.read
    title = (await helped(ask_help, Kind.TITLE)).output["text"]
    assert title.startswith("Return period")
    assert len(title) <= 80
    assert (await helped(ask_help, Kind.TAGS)).output == {"tags": ["returns", "a", "b", "c"]}


async def test_title_and_tags_without_a_model_are_the_conversations_own(
    conversation: Conversation, articles: None, ask_help: Ask, no_model: None
) -> None:
    def tag_and_ask() -> int:
        Article.objects.filter(slug="returns").update(tags=["orders"])
        say(conversation, QUESTION)
        return Turn.objects.get().pk

    await run_turn(await in_database_thread(tag_and_ask)())
    assert (await helped(ask_help, Kind.TITLE)).output == {"text": QUESTION}
    assert (await helped(ask_help, Kind.TAGS)).output == {"tags": ["orders"]}


async def test_model_that_fails_once_is_asked_once_more(
    conversation: Conversation, ask_help: Ask, model: ScriptedCompletions
) -> None:
    await in_database_thread(say)(conversation, QUESTION)
    model.replies = [ModelUnavailable(), {"text": "Wants to return items."}]
    run = await helped(ask_help, Kind.SUMMARY)
    assert (run.state, run.output["text"]) == ("done", "Wants to return items.")


@pytest.mark.parametrize(
    ("replies", "asked"),
    [
        ([ModelUnavailable(), ModelUnavailable()], 2),
        (["no JSON at all", '{"other": 1}'], 2),
        ([ModelBadRequest()], 1),
    ],
)
async def test_summary_when_the_model_fails_is_the_conversations_own_words(
    conversation: Conversation,
    ask_help: Ask,
    model: ScriptedCompletions,
    replies: list[Any],
    asked: int,
) -> None:
    await in_database_thread(say)(conversation, QUESTION)
    model.replies = replies
    run = await helped(ask_help, Kind.SUMMARY)
    assert (run.state, run.engine, len(model.asked)) == ("done", "extractive", asked)
    assert QUESTION in run.output["text"]


async def test_translation_when_the_model_fails_fails_with_its_code(
    conversation: Conversation, ask_help: Ask, model: ScriptedCompletions
) -> None:
    await in_database_thread(say)(conversation, QUESTION)
    model.replies = [ModelUnavailable(), ModelUnavailable()]
    run = await helped(ask_help, Kind.TRANSLATION)
    assert (run.state, run.error_code) == ("failed", "model_unavailable")


async def test_help_is_booked_with_all_that_it_cost(
    conversation: Conversation, ask_help: Ask, model: ScriptedCompletions
) -> None:
    def set_price() -> None:
        ModelPrice.objects.update_or_create(
            model="gpt-test",
            defaults={
                "input_usd": 10,
                "cached_input_usd": 1,
                "output_usd": 100,
                "as_of": timezone.now().date(),
            },
        )
        forget_prices()
        say(conversation, QUESTION)

    await in_database_thread(set_price)()
    model.replies = ["this is no JSON", {"text": "Wants to return items."}]
    run = await helped(ask_help, Kind.SUMMARY)
    assert (run.prompt_tokens, run.completion_tokens) == (200, 40)
    assert run.cost == Decimal("0.006")
    booked = await Reservation.objects.aget(purpose="help")
    assert (booked.state, booked.settled_tokens) == ("settled", 240)
    assert booked.settled_usd == run.cost


async def test_help_without_budget_asks_no_model(
    conversation: Conversation, ask_help: Ask, model: ScriptedCompletions
) -> None:
    def spend_all() -> None:
        BudgetLimit.objects.update_or_create(
            scope="conversation", site=None, defaults={"tokens": 1, "is_active": True}
        )
        say(conversation, QUESTION)

    await in_database_thread(spend_all)()
    summary = await helped(ask_help, Kind.SUMMARY)
    assert (summary.state, summary.engine) == ("done", "extractive")
    translation = await helped(ask_help, Kind.TRANSLATION)
    assert (translation.state, translation.error_code) == ("failed", "budget_spent")
    assert model.asked == []


async def test_help_past_its_deadline_fails_and_lets_its_reservation_go(
    conversation: Conversation,
    ask_help: Ask,
    model: ScriptedCompletions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "DEADLINE_SECONDS", 2.0)
    await in_database_thread(say)(conversation, QUESTION)
    model.replies = [asyncio.Event()]
    run = await helped(ask_help, Kind.SUMMARY)
    assert (run.state, run.error_code) == ("failed", "deadline")
    assert not await Reservation.objects.filter(state="held").aexists()


async def test_run_delivered_twice_is_carried_out_once(
    conversation: Conversation, ask_help: Ask, model: ScriptedCompletions
) -> None:
    await in_database_thread(say)(conversation, QUESTION)
    model.replies = [{"text": "One."}]
    run = await in_database_thread(ask_help)(Kind.SUMMARY)
    await asyncio.gather(*(running.run_help(run.pk) for _ in range(3)))
    await in_database_thread(run.refresh_from_db)()
    assert (run.state, run.attempt, len(model.asked)) == ("done", 1, 1)


async def test_run_without_room_stays_queued_for_the_poll(
    conversation: Conversation, ask_help: Ask, no_model: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_database_thread(say)(conversation, QUESTION)
    run = await in_database_thread(ask_help)(Kind.SUMMARY)
    monkeypatch.setattr(running, "AT_ONCE", 0)
    assert (await carried_out(run)).state == "queued"
    monkeypatch.setattr(running, "AT_ONCE", 8)
    monkeypatch.setattr(running, "POLL_SECONDS", 0.02)
    await HelperRun.objects.aupdate(created_at=Now() - timedelta(seconds=3))
    poll = asyncio.create_task(running.poll_forever())
    async with asyncio.timeout(10):
        while not await HelperRun.objects.filter(pk=run.pk, state="done").aexists():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    poll.cancel()


def _resolved(conversation: Conversation, agent: User) -> None:
    say(conversation, "How do I wax my boots? Write to jonas@example.com")
    take_conversation(conversation.pk, agent=agent)
    send_agent_reply(conversation.pk, agent=agent, text="Wax them warm.", client_id=None)
    resolve_by_agent(conversation.pk, agent=agent)
    conversation.refresh_from_db()


async def test_article_is_kept_as_a_draft_only_by_a_click_and_once(
    site: Site, conversation: Conversation, agent: User, ask_help: Ask, model: ScriptedCompletions
) -> None:
    await in_database_thread(_resolved)(conversation, agent)
    model.replies = [
        {
            "title": "How do I wax boots?",
            "body": "Wax them warm, <EMAIL_1>.",
            "tags": ["Care"],
            "doubts": ["Which wax?"],
        }
    ]
    run = await helped(ask_help, Kind.ARTICLE)
    assert run.state == "done"
    assert not await Article.objects.aexists()
    assert "jonas@example.com" not in model.read + str(run.output)

    def keep() -> None:
        manager = make_user("mia", role="manager")
        with pytest.raises(Forbidden):
            keep_article(run, by=agent)
        article = keep_article(run, by=manager)
        assert keep_article(run, by=manager) == article
        stored = Article.objects.get()
        assert (stored.slug, stored.is_published, stored.tags) == (
            "how-do-i-wax-boots",
            False,
            ["care"],
        )
        assert stored.versions.get().changed_by == manager
        other = HelperRun.objects.create(
            kind=Kind.ARTICLE,
            conversation=conversation,
            requested_by=agent,
            state="done",
            output=run.output,
        )
        assert keep_article(other, by=manager).pk != article.pk

    await in_database_thread(keep)()
