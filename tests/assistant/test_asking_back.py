"""Asking back: when, what a reply picks, and that nobody is asked twice in a row."""

import time
import uuid
from collections.abc import Callable

import pytest

from assistant import planning
from assistant.asking_back import REWORD_TEXT, agrees, choose_between, chosen_title, declines
from assistant.models import Turn
from assistant.nonsense import UNCLEAR_TEXT
from assistant.turns import run_turn
from conversations.models import Conversation, Message, Site
from core.background import in_database_thread
from escalation.models import HandOff
from knowledge.indexing import index_article
from knowledge.retrieval import Retrieval, ScoredPassage
from knowledge.services import ArticleContent, store_article
from llm.testing import ScriptedEngine, make_answer
from tests.assistant.conftest import texts

Ask = Callable[[str], Turn]
TITLES = ("Returns by post", "Returns in a store")
UNKNOWN = "Who won the chess championship in 1972?"


def passage(title: str, score: float) -> ScoredPassage:
    return ScoredPassage(
        id=1, article_id=uuid.uuid5(uuid.NAMESPACE_OID, title), slug="a", title=title, heading="",
        text="Text.", url="https://shop.example.com/a", score=score, coverage=1.0, likeness=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "confidence", "threshold", "asks"),
    [
        ((0.6, 0.58), 0.5, 0.8, True),
        ((0.6, 0.4), 0.5, 0.8, False),
        ((0.6, 0.58), 0.3, 0.8, False),
        ((0.6, 0.58), 0.85, 0.8, False),
        ((0.6, 0.58), 0.15, 0.2, False),
        ((0.6, 0.58), 0.9, 1.01, False),
    ],
)
def test_two_articles_are_asked_about_when_they_fit_equally(
    scores: tuple[float, float], confidence: float, threshold: float, asks: bool
) -> None:
    found = Retrieval(passages=(passage("One", scores[0]), passage("Two", scores[1])))
    chosen = choose_between(found, confidence=confidence, threshold=threshold)
    assert (chosen is not None) == asks


def test_one_article_is_never_asked_about() -> None:
    found = Retrieval(passages=(passage("One", 0.6), passage("One", 0.6)))
    assert choose_between(found, confidence=0.5, threshold=0.8) is None
    assert choose_between(Retrieval(), confidence=0.5, threshold=0.8) is None


@pytest.mark.parametrize(
    ("reply", "number"),
    [
        ("the first one please", 0),
        ("1", 0),
        ("2.", 1),
        ("Second", 1),
        ("the latter", 1),
        ("Returns in a store", 1),
        ("in the store", 1),
        ("by post", 0),
        ("I mean returns by post!", 0),
    ],
)
def test_reply_picks_an_article(reply: str, number: int) -> None:
    assert chosen_title(reply, titles=TITLES) == TITLES[number]


@pytest.mark.parametrize("reply", ["neither", "returns", "how much is shipping to Canada", "3", ""])
def test_reply_that_picks_none_is_a_new_question(reply: str) -> None:
    assert chosen_title(reply, titles=TITLES) is None


@pytest.mark.parametrize(
    ("says", "reply", "expected"),
    [
        (agrees, "yes please", True),
        (agrees, "Yes, a person", True),
        (agrees, "ok", True),
        (agrees, "Of course, go ahead!", True),
        (agrees, "yesplease", True),
        (agrees, "Sí", True),
        (agrees, "yes it is broken", False),
        (agrees, "?!", False),
        (agrees, "", False),
        (declines, "No, thank you.", True),
        (declines, "not now", True),
        (declines, "Nein", True),
        (declines, "nothanks", True),
        (declines, "no, it is broken", False),
        (declines, "", False),
    ],
)
def test_yes_and_no_are_understood(says: Callable[[str], bool], reply: str, expected: bool) -> None:
    assert says(reply) is expected


@pytest.mark.parametrize("reply", ["do " * 60 + "x", "do" * 60 + "x"])
def test_long_reply_that_nearly_agrees_takes_little_time(reply: str) -> None:
    started = time.perf_counter()
    assert not agrees(reply)
    assert time.perf_counter() - started < 0.25


async def run(turn: Turn) -> Turn:
    await run_turn(turn.pk)
    return await Turn.objects.aget(pk=turn.pk)


@pytest.fixture
def two_articles(site: Site, articles: None) -> None:
    for number, (title, body) in enumerate(
        ((TITLES[0], "Parcels go back with our label."), (TITLES[1], "Bring parcels to the till."))
    ):
        content = ArticleContent(title=title, body=body)
        index_article(store_article(site, slug=f"way-{number}", content=content).article.pk)


@pytest.fixture
def unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any two articles fit about equally, and neither well enough."""
    monkeypatch.setattr(planning, "threshold_of", lambda site, topic: 0.6)
    monkeypatch.setattr(planning, "confidence_of", lambda site, features: 0.5)
    monkeypatch.setattr("assistant.asking_back.ABOUT_EQUAL", 0.1)
    monkeypatch.setattr("assistant.asking_back.WORTH_ASKING", 0.1)
    monkeypatch.setattr(planning, "people_online", lambda: True)


@pytest.mark.django_db(transaction=True)
async def test_turn_when_two_articles_fit_asks_once_and_answers_from_the_chosen(
    two_articles: None, unsure: None, ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    turn = await run(await in_database_thread(ask)("where do parcels for returns go"))
    asked = await Message.objects.aget(author_kind="assistant")
    assert turn.outcome == "asked_back"
    assert not asked.is_answer
    assert len(asked.suggestions) == 2
    assert turn.features
    assert not await HandOff.objects.aexists()
    chosen = asked.suggestions[1]
    original = "where do parcels for returns go"
    engine.add_script(original, *make_answer("Parcels go there [1]."))
    second = await run(await in_database_thread(ask)("the second"))
    assert second.outcome == "answered"
    assert {one.title for one in engine.requests[0].passages} == {chosen}
    third = await run(await in_database_thread(ask)("parcels and labels, returns and tills"))
    assert third.outcome == "asked_back"
    fourth = await run(await in_database_thread(ask)("sending returns, my old parcels"))
    assert fourth.outcome == "handed_off"
    assert "asked back" in (await HandOff.objects.aget()).detail


@pytest.mark.django_db(transaction=True)
async def test_question_about_others_than_those_asked_about_is_asked_back_too(
    two_articles: None, unsure: None, ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    await run(await in_database_thread(ask)("where do parcels for returns go"))
    turn = await run(
        await in_database_thread(ask)("refunds, shipping: how many days delivery takes")
    )
    assert turn.outcome == "asked_back"
    asked = [one async for one in Message.objects.filter(author_kind="assistant").order_by("seq")]
    assert not set(asked[1].suggestions) <= set(asked[0].suggestions)
    assert not await HandOff.objects.aexists()
    # Not without end.
    third = await run(await in_database_thread(ask)("where do parcels for returns go then"))
    assert third.outcome == "handed_off"


@pytest.mark.django_db(transaction=True)
async def test_first_miss_asks_for_other_words_when_nobody_is_online(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    turn = await run(await in_database_thread(ask)(UNKNOWN))
    assert turn.outcome == "asked_back"
    assert (await in_database_thread(texts)(conversation))[-1] == ("assistant", REWORD_TEXT)
    assert not await HandOff.objects.aexists()
    turn = await run(await in_database_thread(ask)("The champion of chess back then, who was it?"))
    assert turn.outcome == "handed_off"
    assert (await HandOff.objects.aget()).reason == "low_confidence"


@pytest.mark.django_db(transaction=True)
async def test_yes_to_the_offer_of_a_person_hands_off(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    await run(await in_database_thread(ask)(UNKNOWN))
    await run(await in_database_thread(ask)("yes please"))
    assert (await HandOff.objects.aget()).reason == "asked_for_person"


@pytest.mark.django_db(transaction=True)
async def test_nonsense_is_asked_about_once(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation, at_desk: None
) -> None:
    turn = await run(await in_database_thread(ask)("asdfgh"))
    assert turn.outcome == "asked_back"
    assert (await in_database_thread(texts)(conversation))[-1] == ("assistant", UNCLEAR_TEXT)
    turn = await run(await in_database_thread(ask)("hjkhjk"))
    assert turn.outcome == "handed_off"


@pytest.mark.django_db(transaction=True)
async def test_follow_up_is_looked_up_with_the_question_before_it(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    first = "How many days do I have to return unused items?"
    engine.add_script(first, *make_answer("Return unused items within 30 days [1]."))
    await run(await in_database_thread(ask)(first))
    for joined in (f"{first[:-1]}, why?", "Returns and refunds: why?"):
        engine.add_script(joined, *make_answer("Return items [1]."))
    turn = await run(await in_database_thread(ask)("why?"))
    assert turn.outcome == "answered"
    assert "<question>\nwhy?\n</question>" in engine.requests[1].messages[-1].content


@pytest.mark.django_db(transaction=True)
async def test_follow_up_whose_own_words_an_article_answers_is_answered_by_that(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    first = "How many days do I have to return unused items?"
    second = "and standard shipping costs?"
    engine.add_script(first, *make_answer("Return unused items within 30 days [1]."))
    engine.add_script(second, *make_answer("Standard shipping costs 5 euros [1]."))
    await run(await in_database_thread(ask)(first))
    turn = await run(await in_database_thread(ask)(second))
    assert turn.outcome == "answered"
    assert engine.requests[1].question == second


@pytest.mark.django_db(transaction=True)
async def test_turn_keeps_features_and_topic(
    ask: Ask, engine: ScriptedEngine, conversation: Conversation
) -> None:
    question = "How many days do I have to return unused items?"
    engine.add_script(question, *make_answer("Return unused items within 30 days [1]."))
    turn = await run(await in_database_thread(ask)(question))
    assert turn.confidence is not None
    assert turn.features["is_foreign"] == 0
    assert {"score", "words_score"} <= turn.features.keys()
