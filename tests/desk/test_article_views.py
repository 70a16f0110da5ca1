"""The box beside an article: what the assistant would answer now."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from assistant.models import Turn
from assistant.trying import Decision, try_question
from conversations.models import Conversation, Message, Site
from knowledge.indexing import index_article
from knowledge.models import Article
from knowledge.services import ArticleContent, save_article
from tests.conftest import make_user
from tests.desk.conftest import browser_of

pytestmark = pytest.mark.django_db
RETURNS = "You can return unused items within 30 days of delivery. Refunds take five days."
QUESTION = "How many days do I have to return unused items?"


def store(site: Site, slug: str, *, title: str, body: str, audience: str = "public") -> Article:
    content = ArticleContent(title=title, body=body, audience=audience)
    article = save_article(site, slug=slug, content=content).article
    index_article(article.pk)
    article.refresh_from_db()
    return article


@pytest.fixture
def returns(site: Site) -> Article:
    """The article that answers, beside two others; any confidence will do, words alone count."""
    site.answer_threshold = 0.01
    site.embedding_model = ""
    site.save()
    store(site, "shipping", title="Shipping", body="Items come within three working days.")
    store(site, "cards", title="Gift cards", body="Gift cards never expire.")
    return store(site, "returns", title="Returns", body=RETURNS)


@pytest.fixture
def manager(site: Site) -> Client:
    """Max's browser."""
    return browser_of(make_user("max", role="manager"))


def try_on(client: Client, article: Article, question: str = QUESTION, **headers: str) -> str:
    address = reverse("desk:try_article", args=[article.pk])
    return client.post(address, {"question": question}, headers=headers).content.decode()


def test_box_shows_the_answer_its_certainty_and_what_was_found(
    manager: Client, returns: Article
) -> None:
    page = try_on(manager, returns)
    assert "It would answer" in page
    assert "within 30 days" in page
    assert re.search(r"\d+ % sure, 1 % needed", page)
    assert "This article is on top." in page
    assert page.count("this article</span>") == 1
    assert f'href="/admin/knowledge/article/{returns.pk}/change/"' in page


def test_box_tells_the_place_of_an_article_that_is_not_on_top(
    manager: Client, site: Site, returns: Article
) -> None:
    shipping = Article.objects.get(slug="shipping")
    assert "best passage is number 2" in try_on(manager, shipping)
    cards = Article.objects.get(slug="cards")
    assert "not among what was found" in try_on(manager, cards, "Refunds take how long?")


def test_box_passes_on_below_the_threshold(manager: Client, site: Site, returns: Article) -> None:
    Site.objects.filter(pk=site.pk).update(answer_threshold=1.0)
    page = try_on(manager, returns)
    assert "It would pass this to a person" in page
    assert "It is not sure enough." in page
    assert "100 % needed" in page
    assert "within 30 days" not in page


@pytest.mark.parametrize(
    ("question", "decision"),
    [
        ("Thank you!", Decision.SMALL_TALK),
        ("I want to talk to a person.", Decision.HAND_OFF),
        ("Do you sell live penguins from Antarctica?", Decision.HAND_OFF),
        ("???", Decision.ASK_BACK),
        (QUESTION, Decision.ANSWER),
    ],
)
def test_trial_decides_as_a_turn_does(
    site: Site, returns: Article, question: str, decision: Decision
) -> None:
    trial = try_question(returns.site, question, locale="en")
    assert trial.decision == decision
    assert trial.text


def test_trial_asks_which_of_two_articles_is_meant(
    site: Site, returns: Article, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(site, "tents", title="Repair of tents", body="A repair takes two weeks.")
    store(site, "boots", title="Repair of boots", body="A repair takes two weeks.")
    monkeypatch.setattr("assistant.planning.confidence_of", lambda site, features: 0.4)
    site.answer_threshold = 0.45
    trial = try_question(site, "How long does a repair take?", locale="en")
    assert trial.decision == Decision.ASK_BACK
    assert "Repair of tents" in trial.text
    assert "Repair of boots" in trial.text


def test_trial_keeps_nothing(manager: Client, returns: Article) -> None:
    try_on(manager, returns)
    for model in (Conversation, Message, Turn):
        assert not model.objects.exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"audience": "internal"}, "is internal"), ({"is_published": False}, "is a draft")],
)
def test_box_never_answers_from_what_customers_may_not_see(
    manager: Client, returns: Article, changes: dict[str, object], told: str
) -> None:
    Article.objects.filter(pk=returns.pk).update(**changes)
    page = try_on(manager, returns)
    assert "within 30 days" not in page
    assert told in page
    assert "this article</span>" not in page


def test_box_for_a_script_is_the_fragment_alone(manager: Client, returns: Article) -> None:
    whole, part = (
        try_on(manager, returns),
        try_on(manager, returns, **{"X-Requested-With": "fetch"}),
    )
    assert "<html" in whole
    assert "<html" not in part
    assert part.strip() in whole


@pytest.mark.parametrize("question", ["", "   ", "x" * 4_001, "nul \x00"])
def test_box_says_what_is_wrong_with_a_question(
    manager: Client, returns: Article, question: str
) -> None:
    page = try_on(manager, returns, question)
    assert 'role="alert"' in page
    assert "sure," not in page


def test_question_and_answer_are_shown_as_text(
    manager: Client, site: Site, returns: Article
) -> None:
    hostile = "<script>alert(1)</script> [go](javascript:alert(1)) unused items"
    hostile_article = store(site, "hostile", title=hostile, body=f"{hostile} are here.")
    page = try_on(manager, hostile_article, hostile)
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert 'href="javascript' not in page


def test_only_who_may_change_articles_may_try(
    agent: User, client: Client, returns: Article
) -> None:
    address = reverse("desk:try_article", args=[returns.pk])
    assert client.post(address, {"question": QUESTION}).status_code == 302
    client.force_login(agent)
    assert client.post(address, {"question": QUESTION}).status_code == 403
    assert (
        "try-form"
        not in client.get(f"/admin/knowledge/article/{returns.pk}/change/").content.decode()
    )


def test_address_takes_posts_for_articles_that_are(manager: Client, returns: Article) -> None:
    address = reverse("desk:try_article", args=[returns.pk])
    assert manager.get(address).status_code == 405
    missing = reverse("desk:try_article", args=[returns.pk + 999])
    assert manager.post(missing, {"question": QUESTION}).status_code == 404
