"""Answers given again: which key they have, which are kept, and who writes them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisGone

from assistant import cache, composing, planning
from assistant.cache import cache_key, drop_old, find_cached, normalise_question, single_flight
from assistant.models import CachedAnswer, Reservation, Turn
from assistant.promises import DEFAULT_OUTPUT_RULES
from assistant.turns import run_turn
from conversations.models import Message, Site
from conversations.services import start_conversation
from core.background import in_database_thread
from knowledge.fingerprint import knowledge_version
from knowledge.models import Article
from knowledge.retrieval import Retrieval, retrieve
from llm.testing import ScriptedEngine, make_answer
from tests.assistant.test_composing import judged
from tests.customers import say

QUESTION = "How many days do I have to return unused items?"
ANSWER = "You can return unused items within 30 days of delivery."
transactional = pytest.mark.django_db(transaction=True)


def plan_of(site: Site, *, question: str = QUESTION, language: str = "en", topic: str = "") -> Any:
    """What of a plan the key is made of."""
    return SimpleNamespace(
        conversation=SimpleNamespace(site=site),
        reading=SimpleNamespace(language=language),
        judgement=SimpleNamespace(topic=topic),
        question=question,
        knowledge_version=knowledge_version(site.pk),
    )


def kept(site: Site, **fields: Any) -> CachedAnswer:
    row = {
        "key": "k", "question": QUESTION, "locale": "en", "text": ANSWER, "confidence": 0.9,
        "knowledge_version": 1, "prompt_version": "answer/1",
    }  # fmt: skip
    return CachedAnswer.objects.create(site=site, **(row | fields))


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("  Where IS\u00a0my\n order?! ", "where is my order"),
        ("where is my order", "where is my order"),
        ("STRASSE \u2026", "strasse"),
        ("\uff37here?", "where"),
        ("C# or C?", "c# or c"),
    ],
)
def test_question_when_it_is_typed_otherwise_is_the_same(typed: str, normal: str) -> None:
    assert normalise_question(typed) == normal


def test_key_of_the_same_question_is_the_same(site: Site) -> None:
    first = cache_key(plan_of(site), prompt_version="answer/1", rules=())
    assert (
        cache_key(plan_of(site, question=QUESTION.upper()), prompt_version="answer/1", rules=())
        == first
    )


@pytest.mark.parametrize(
    "change",
    [
        "site",
        "knowledge",
        "prompt",
        "locale",
        "question",
        "threshold",
        "pinned",
        "holding",
        "rules",
        "hosts",
    ],
)
def test_key_when_a_part_changes_is_another(site: Site, articles: None, change: str) -> None:
    before = cache_key(plan_of(site), prompt_version="answer/1", rules=())
    asked: dict[str, Any] = {"site": site}
    if change == "site":
        asked["site"] = Site.objects.create(key="other", name="Other", answer_threshold=0.2)
    elif change == "knowledge":
        Article.objects.filter(slug="gift-cards").update(is_published=False)
    elif change == "locale":
        asked["language"] = "de"
    elif change == "question":
        asked["question"] = "Another?"
    elif change == "threshold":
        site.answer_threshold = 0.3
    elif change == "pinned":
        site.pinned_tier = "strong"
    elif change == "holding":
        site.hold_sentences = True
    elif change == "hosts":
        site.link_hosts = ["shop.example"]
    site.save()
    version = "answer/2" if change == "prompt" else "answer/1"
    rules = DEFAULT_OUTPUT_RULES if change == "rules" else ()
    assert cache_key(plan_of(**asked), prompt_version=version, rules=rules) != before


def test_answer_when_it_is_too_old_or_disabled_is_not_given_again(site: Site) -> None:
    kept(site)
    assert find_cached("k")
    CachedAnswer.objects.update(is_disabled=True)
    assert find_cached("k") is None
    CachedAnswer.objects.update(is_disabled=False, created_at=timezone.now() - cache.KEPT)
    assert find_cached("k") is None


def test_old_answers_are_dropped_and_the_oldest_of_too_many(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_KEPT", 2)
    for number in range(4):
        kept(site, key=str(number), created_at=timezone.now() - timedelta(hours=number))
    CachedAnswer.objects.filter(key="3").update(created_at=timezone.now() - timedelta(days=8))
    assert drop_old() == 2
    assert {row.key for row in CachedAnswer.objects.all()} == {"0", "1"}


async def ask_anew(site: Site, question: str = QUESTION, *, died: int = 0) -> Turn:
    """Ask in a conversation of one's own, and have it answered after so many dead workers."""

    def send() -> int:
        conversation = start_conversation(site)[0]
        say(conversation, question)
        Turn.objects.filter(conversation=conversation).update(attempt=died)
        return Turn.objects.filter(conversation=conversation).latest("pk").pk

    pk = await in_database_thread(send)()
    await run_turn(pk)
    return await Turn.objects.select_related("message").aget(pk=pk)


@transactional
async def test_answer_when_it_is_asked_for_again_is_shown_with_its_sources(
    site: Site, articles: None, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER))
    first = await ask_anew(site)
    again = await ask_anew(site, f"  {QUESTION.upper()} ")
    assert len(engine.requests) == 1
    assert (again.engine, again.cached_answer_id is not None) == ("cache", True)
    assert first.message
    assert again.message
    assert again.message.text == first.message.text == ANSWER
    assert again.message.citations == first.message.citations != []


@transactional
async def test_answer_when_it_did_not_help_is_written_anew(
    site: Site, articles: None, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER))
    first = await ask_anew(site)
    again = await ask_anew(site)
    assert again.message
    await Message.objects.filter(pk=again.message.pk).aupdate(helpful=False)
    assert (await ask_anew(site)).engine != "cache"
    assert first.engine != "cache"


@transactional
async def test_answer_that_was_written_anew_is_given_again_until_it_does_not_help_either(
    site: Site, articles: None, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER))
    engines = []
    for _ in range(2):
        written, again = await ask_anew(site), await ask_anew(site)
        engines += [written.engine, again.engine]
        assert again.message
        await Message.objects.filter(pk=again.message.pk).aupdate(helpful=False)
    assert [one == "cache" for one in engines] == [False, True, False, True]
    assert (await ask_anew(site)).engine != "cache"


@transactional
async def test_answer_when_another_gave_it_a_thumb_down_at_its_source_is_written_anew(
    site: Site, articles: None, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER))
    first = await ask_anew(site)
    assert first.message
    await Message.objects.filter(pk=first.message.pk).aupdate(helpful=False)
    assert (await ask_anew(site)).engine != "cache"


@transactional
@pytest.mark.parametrize(
    ("question", "reply"),
    [
        (f"{QUESTION} I am ada@example.com.", make_answer(ANSWER)),
        (QUESTION, judged(ANSWER, confidence=0.0)),
        (QUESTION, judged("", needs_human=True, reason="must_not_decide", detail="No.")),
    ],
)
async def test_answer_when_it_is_personal_doubtful_or_none_is_not_kept(
    site: Site, articles: None, engine: ScriptedEngine, question: str, reply: tuple[Any, ...]
) -> None:
    await Site.objects.filter(pk=site.pk).aupdate(answer_threshold=0.5)
    engine.add_script(question, *reply)
    await ask_anew(await Site.objects.aget(pk=site.pk), question)
    assert engine.requests
    assert not await CachedAnswer.objects.aexists()


@transactional
async def test_answer_when_an_article_changes_after_the_search_is_not_given_for_the_new_one(
    site: Site, articles: None, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def retrieve_before_a_change(*args: Any, **options: Any) -> Retrieval:
        found = retrieve(*args, **options)
        Article.objects.filter(slug="gift-cards").update(is_published=False)
        return found

    monkeypatch.setattr(planning, "retrieve", retrieve_before_a_change)
    engine.add_script(QUESTION, *judged(ANSWER))
    await ask_anew(site)
    assert await CachedAnswer.objects.aexists()
    assert (await ask_anew(site)).engine != "cache"
    assert (await ask_anew(site)).engine == "cache"


@transactional
async def test_answer_that_can_not_be_kept_is_given_all_the_same(
    site: Site, articles: None, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> int:
        raise OperationalError

    monkeypatch.setattr(composing, "remember", fail)
    engine.add_script(QUESTION, *judged(ANSWER))
    turn = await ask_anew(site)
    assert turn.message
    assert turn.message.text == ANSWER


@transactional
async def test_who_waits_for_another_holds_no_budget(
    site: Site, articles: None, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER))
    await asyncio.gather(*[ask_anew(site) for _ in range(10)])
    assert await Reservation.objects.filter(purpose="answer").acount() == 1


@transactional
async def test_answer_after_earlier_messages_is_not_kept(
    ask: Callable[[str], Turn], engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER))
    shipping = "How long does standard shipping take?"
    engine.add_script(shipping, *judged("Standard shipping takes three working days."))
    for question in (QUESTION, shipping):
        await run_turn((await in_database_thread(ask)(question)).pk)
    assert len(engine.requests) == 2
    assert [row.question async for row in CachedAnswer.objects.all()] == [QUESTION]


@transactional
async def test_same_question_of_twenty_at_once_is_written_once(
    site: Site, articles: None, engine: ScriptedEngine
) -> None:
    engine.add_script(QUESTION, *judged(ANSWER))
    turns = await asyncio.gather(*[ask_anew(site) for _ in range(20)])
    assert len(engine.requests) == 1
    assert {turn.message.text for turn in turns if turn.message} == {ANSWER}
    assert sum(turn.engine == "cache" for turn in turns) == 19


@transactional
async def test_others_go_on_when_the_writer_dies(site: Site) -> None:
    async def die() -> None:
        async with single_flight("key"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await die()
    async with single_flight("key") as others:
        assert others is None
        assert await cache._is_in_flight("key")
    assert not await cache._is_in_flight("key")


@transactional
async def test_others_go_on_when_a_killed_writer_leaves_its_mark(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LOOKS", 3)
    left = await cache._take_off("left")
    assert left
    async with single_flight("left") as others:
        assert others is None
    await cache._land(left)


@transactional
@pytest.mark.parametrize(("died", "waits"), [(0, 1), (1, 0)])
async def test_turn_begun_anew_does_not_wait_for_the_mark_that_its_dead_worker_left(
    site: Site,
    articles: None,
    engine: ScriptedEngine,
    monkeypatch: pytest.MonkeyPatch,
    died: int,
    waits: int,
) -> None:
    waited: list[str] = []

    async def take_off(_key: str) -> None:
        return None

    async def is_in_flight(_key: str) -> bool:
        return True

    async def await_other(key: str) -> None:
        waited.append(key)

    monkeypatch.setattr(cache, "_take_off", take_off)
    monkeypatch.setattr(cache, "_is_in_flight", is_in_flight)
    monkeypatch.setattr(cache, "_await_other", await_other)
    engine.add_script(QUESTION, *judged(ANSWER))
    turn = await ask_anew(site, died=died)
    assert turn.message
    assert turn.message.text == ANSWER
    assert len(waited) == waits


@transactional
async def test_who_waits_gets_what_the_writer_kept(site: Site) -> None:
    written = asyncio.Event()

    async def write() -> None:
        async with single_flight("k"):
            written.set()
            await in_database_thread(kept)(site)

    async def wait() -> CachedAnswer | None:
        await written.wait()
        async with single_flight("k") as others:
            return others

    _, found = await asyncio.gather(write(), wait())
    assert found is not None


@transactional
async def test_each_writes_its_own_when_redis_is_gone(
    site: Site, articles: None, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise RedisGone

    monkeypatch.setattr(cache, "loop_redis", gone)
    engine.add_script(QUESTION, *judged(ANSWER))
    turns = await asyncio.gather(*[ask_anew(site) for _ in range(3)])
    assert {turn.message.text for turn in turns if turn.message} == {ANSWER}
    assert 1 <= len(engine.requests) <= 3
