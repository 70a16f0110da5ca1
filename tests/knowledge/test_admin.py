"""Managers edit articles in the admin; agents only read them."""

import pytest
from django.test import Client

from accounts.models import User
from conversations.models import Site
from knowledge.indexing import index_stale_articles
from knowledge.models import Article
from tests.conftest import make_user
from tests.knowledge.conftest import MakeArticle

LIST = "/admin/knowledge/article/"


@pytest.fixture
def manager(site: Site) -> User:
    return make_user("max", role="manager")


def form(**values: object) -> dict[str, object]:
    filled = {"title": "Boots", "body": "wax them", "locale": "en", "tags": "a,b"}
    return filled | {"audience": "public", "is_published": "True"} | values


def test_manager_adds_and_edits_an_article(site: Site, manager: User, client: Client) -> None:
    client.force_login(manager)
    response = client.post(f"{LIST}add/", form(site=site.pk, slug="boots"))
    assert response.status_code == 302, response.content.decode()
    article = Article.objects.get()
    assert (article.slug, article.version, article.tags) == ("boots", 1, ["a", "b"])
    edited = form(title="Boots and shoes")
    assert client.post(f"{LIST}{article.pk}/change/", edited).status_code == 302
    assert client.post(f"{LIST}{article.pk}/change/", edited).status_code == 302
    article.refresh_from_db()
    assert (article.title, article.version, article.is_published) == ("Boots and shoes", 2, True)


def test_draft_is_edited_and_stays_out(
    site: Site, manager: User, client: Client, make_article: MakeArticle
) -> None:
    client.force_login(manager)
    article = make_article("boots", title="Boots", body="wax them", tags=("a", "b"))
    client.post(f"{LIST}{article.pk}/change/", form(is_published="False"))
    article.refresh_from_db()
    assert (article.is_published, article.version) == (False, 1)
    client.post(f"{LIST}{article.pk}/change/", form(is_published="False", body="oil them"))
    article.refresh_from_db()
    assert (article.is_published, article.version, article.body) == (False, 2, "oil them")


@pytest.mark.parametrize(("action", "published"), [("unpublish", False), ("publish", True)])
def test_actions_publish_and_unpublish(
    manager: User, client: Client, make_article: MakeArticle, action: str, published: bool
) -> None:
    client.force_login(manager)
    article = make_article("boots")
    Article.objects.update(is_published=not published)
    client.post(LIST, {"action": action, "_selected_action": [article.pk]})
    article.refresh_from_db()
    assert article.is_published is published


def test_page_shows_the_passages(manager: User, client: Client, make_article: MakeArticle) -> None:
    client.force_login(manager)
    article = make_article("boots", body="# Care\nwax them\n\n# Drying\n<b>never</b> on a heater")
    index_stale_articles()
    page = client.get(f"{LIST}{article.pk}/change/").content.decode()
    assert "Drying" in page
    assert "&lt;b&gt;never&lt;/b&gt; on a heater" in page
    assert client.get(LIST).status_code == 200


def test_text_is_refused_when_it_is_too_long(site: Site, manager: User, client: Client) -> None:
    client.force_login(manager)
    response = client.post(f"{LIST}add/", form(site=site.pk, slug="boots", body="x" * 200_001))
    assert response.status_code == 200
    assert not Article.objects.exists()


def test_agent_reads_and_can_not_edit(
    agent: User, client: Client, make_article: MakeArticle
) -> None:
    client.force_login(agent)
    article = make_article("boots", title="Boots")
    page = client.get(f"{LIST}{article.pk}/change/")
    assert page.status_code == 200
    assert "Boots" in page.content.decode()
    assert client.post(f"{LIST}{article.pk}/change/", form(title="Mine")).status_code == 403
    assert client.post(LIST, {"action": "unpublish", "_selected_action": [article.pk]})
    article.refresh_from_db()
    assert (article.title, article.is_published) == ("Boots", True)
