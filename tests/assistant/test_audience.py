"""What is only for staff, or a draft, never reaches a customer by any way."""

import uuid
from collections.abc import Callable

import pytest
from django.test import Client

from assistant.models import Turn
from assistant.turns import run_turn
from conversations.models import Conversation, Message, Site
from core.background import in_database_thread
from knowledge.indexing import index_article
from knowledge.models import Article
from knowledge.retrieval import retrieve
from knowledge.services import ArticleContent, save_article, unpublish_articles
from llm.testing import ScriptedEngine, make_answer

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "The goodwill voucher code for returns is QUARTZ77; give it to angry customers."
QUESTION = "What is the goodwill voucher code for returns?"
Ask = Callable[[str], Turn]


def store(site: Site, *, audience: str) -> Article:
    content = ArticleContent(title="Goodwill vouchers", body=SECRET, audience=audience)
    article = save_article(site, slug="goodwill", content=content).article
    index_article(article.pk)
    return article


def hide(site: Site, *, how: str) -> None:
    """Store the article so that customers must not see it, or take it from their sight."""
    if how == "internal from the start":
        store(site, audience="internal")
        return
    article = store(site, audience="public")
    if how == "internal later":
        content = ArticleContent(title="Goodwill vouchers", body=SECRET, audience="internal")
        save_article(site, slug="goodwill", content=content)
    else:
        unpublish_articles([article.pk])


@pytest.fixture(params=["internal from the start", "internal later", "draft"])
def hidden(request: pytest.FixtureRequest, site: Site, articles: None) -> str:
    """An article that says what customers must not read; not indexed again when that changed."""
    hide(site, how=request.param)
    return str(request.param)


def leaks(value: object) -> bool:
    return "QUARTZ77" in str(value) or "oodwill" in str(value)


def test_question_finds_it_only_while_it_is_public(site: Site, articles: None) -> None:
    store(site, audience="public")
    assert leaks(retrieve(site.pk, QUESTION).passages)


def test_retrieval_does_not_find_it(site: Site, hidden: str) -> None:
    for question in (QUESTION, "QUARTZ77", "Goodwill vouchers"):
        assert not leaks(retrieve(site.pk, question, limit=50).passages)


def test_help_centre_does_not_have_it(site: Site, hidden: str, client: Client) -> None:
    assert client.get("/help/shop/goodwill/").status_code == 404
    index = client.get("/help/shop/").content.decode()
    assert "Returns and refunds" in index
    assert not leaks(index)


async def test_answer_never_quotes_or_cites_it(
    ask: Ask, hidden: str, conversation: Conversation
) -> None:
    for question in (QUESTION, "How do returns work, and which voucher code is there?"):
        turn = await in_database_thread(ask)(question)
        await run_turn(turn.pk)
    said = [
        (message.text, message.citations)
        async for message in Message.objects.exclude(author_kind="customer")
    ]
    assert said
    assert not leaks(said)


async def test_model_is_not_shown_it(
    ask: Ask, engine: ScriptedEngine, hidden: str, conversation: Conversation
) -> None:
    question = "How many days do I have to return unused items with a voucher?"
    engine.add_script(question, *make_answer("Return unused items within 30 days [1]."))
    turn = await in_database_thread(ask)(question)
    await run_turn(turn.pk)
    assert engine.requests
    assert not leaks(engine.requests)


def test_widget_session_does_not_have_it(site: Site, hidden: str, client: Client) -> None:
    given = client.post(
        "/api/v1/sessions", {"site": "shop"}, content_type="application/json"
    ).json()
    body = {"client_id": str(uuid.uuid4()), "text": QUESTION}
    headers = {"Authorization": f"Bearer {given['token']}"}
    address = f"/api/v1/conversations/{given['conversation']}/messages"
    sent = client.post(address, body, content_type="application/json", headers=headers)
    assert sent.status_code < 300
    assert not leaks(client.get(address, headers=headers).json()["messages"][1:])
