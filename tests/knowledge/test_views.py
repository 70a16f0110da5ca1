"""The public help centre."""

import pytest
from django.test import Client

from conversations.models import Site
from knowledge.services import unpublish_articles
from tests.knowledge.conftest import MakeArticle

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> [go](javascript:alert(1)) **bold**"


def test_article_is_rendered_with_its_markup(make_article: MakeArticle, client: Client) -> None:
    make_article("boots", title="Boots", body="## Care\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    page = client.get("/help/shop/boots/").content.decode()
    assert "<h1>Boots</h1>" in page
    assert "<h2>Care</h2>" in page
    assert "<td>1</td>" in page


@pytest.mark.parametrize("path", ["/help/shop/", "/help/shop/boots/"])
def test_markup_in_every_field_is_shown_as_text(
    site: Site, make_article: MakeArticle, client: Client, path: str
) -> None:
    Site.objects.filter(pk=site.pk).update(name=HOSTILE[:100])
    make_article("boots", title=HOSTILE, body=HOSTILE)
    response = client.get(path)
    page = response.content.decode()
    assert response.status_code == 200
    assert "<script" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_page_needs_nothing_inline(make_article: MakeArticle, client: Client) -> None:
    make_article("boots")
    response = client.get("/help/shop/boots/")
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "style=" not in response.content.decode()
    assert "<style" not in response.content.decode()


def test_unpublished_article_is_not_there(make_article: MakeArticle, client: Client) -> None:
    article = make_article("boots", title="Boots")
    assert "Boots" in client.get("/help/shop/").content.decode()
    unpublish_articles([article.pk])
    assert client.get("/help/shop/boots/").status_code == 404
    assert "Boots" not in client.get("/help/shop/").content.decode()


@pytest.mark.parametrize("path", ["/help/nowhere/", "/help/shop/nothing/", "/help/nowhere/boots/"])
def test_unknown_address_is_not_found(make_article: MakeArticle, client: Client, path: str) -> None:
    make_article("boots")
    assert client.get(path).status_code == 404


def test_page_is_only_read(make_article: MakeArticle, client: Client) -> None:
    make_article("boots")
    assert client.post("/help/shop/boots/").status_code == 405


def test_page_runs_from_right_to_left_when_its_language_does(
    make_article: MakeArticle, client: Client
) -> None:
    make_article("boots", locale="ar")
    assert '<html lang="ar" dir="rtl">' in client.get("/help/shop/boots/").content.decode()
