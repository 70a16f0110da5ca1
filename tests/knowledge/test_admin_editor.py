"""Around the article's form: the preview of its passages, its history, its marks in lists."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import User
from conversations.models import Site
from knowledge.models import Article, ArticleVersion, Passage
from knowledge.services import ArticleContent, save_article
from tests.conftest import make_user
from tests.knowledge.conftest import MakeArticle

LIST = "/admin/knowledge/article/"
PREVIEW = f"{LIST}preview/"
HOSTILE = "<script>alert(1)</script> [go](javascript:alert(1)) ![i](https://evil.example/i.png)"


@pytest.fixture
def editor(site: Site, client: Client) -> Client:
    """A manager's browser."""
    client.force_login(make_user("max", role="manager"))
    return client


@pytest.fixture
def article(make_article: MakeArticle, agent: User) -> Article:
    """An article of two versions; the second is Ana's."""
    made = make_article("boots", title="Boots", body="Wax them once.", tags=("care",))
    content = ArticleContent(title="Shoes", body="Wax them twice.", tags=("care",))
    save_article(made.site, slug="boots", content=content, changed_by=agent)
    made.refresh_from_db()
    return made


def restore(client: Client, article: Article, number: int) -> int:
    return client.post(f"{LIST}{article.pk}/versions/{number}/restore/").status_code


def test_preview_shows_the_passages_of_the_unsaved_text(editor: Client) -> None:
    body = "Intro.\n\n## Care\n\nWax **them**.\n\n### Tools\n\n- a cloth"
    page = editor.post(PREVIEW, {"title": "Boots", "body": body}).content.decode()
    assert re.findall(r"<strong>(Boots[^<]*)</strong>", page) == [
        "Boots",
        "Boots \u203a Care",
        "Boots \u203a Care \u203a Tools",
    ]
    assert "3 passages" in page
    assert "13 characters" in page
    assert "<strong>them</strong>" in page
    assert "<li>a cloth</li>" in page
    assert not Article.objects.exists()
    assert not Passage.objects.exists()


def test_preview_for_a_script_is_the_fragment_alone(editor: Client) -> None:
    fields = {"title": "Boots", "body": "Wax them."}
    whole = editor.post(PREVIEW, fields).content.decode()
    part = editor.post(PREVIEW, fields, headers={"X-Requested-With": "fetch"}).content.decode()
    assert "<html" in whole
    assert "<html" not in part
    assert part.strip() in whole


def test_preview_makes_nothing_of_hostile_text(editor: Client) -> None:
    page = editor.post(PREVIEW, {"title": HOSTILE, "body": f"# {HOSTILE}\n\n{HOSTILE}"})
    text = page.content.decode()
    assert "<script>alert" not in text
    assert 'href="javascript' not in text
    assert "<img" not in text
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_form_that_is_refused_keeps_the_passages_of_what_was_typed(
    editor: Client, article: Article
) -> None:
    fields = {"title": "", "body": "Typed just now.", "locale": "en", "audience": "public"}
    page = editor.post(f"{LIST}{article.pk}/change/", fields).content.decode()
    passages = page[page.index('id="passages-title"') :]
    assert "Typed just now." in passages


@pytest.mark.parametrize("path", [PREVIEW, "{pk}/versions/1/restore/"])
def test_agents_may_not_preview_or_restore(
    agent: User, client: Client, article: Article, path: str
) -> None:
    client.force_login(agent)
    address = path if path.startswith("/") else LIST + path.format(pk=article.pk)
    assert client.post(address, {"body": "x"}).status_code == 403
    assert client.get(address).status_code == 405
    article.refresh_from_db()
    assert article.version == 2
    page = client.get(f"{LIST}{article.pk}/versions/")
    assert page.status_code == 200
    assert "/restore/" not in page.content.decode()


def test_history_tells_who_changed_what(editor: Client, article: Article) -> None:
    page = editor.get(f"{LIST}{article.pk}/versions/").content.decode()
    assert "From version 1 to version 2" in page
    assert re.search(r"<mark>once</mark>.*<mark>twice</mark>", page, re.DOTALL)
    assert re.search(r"Title</th>\s*<td>Boots</td>\s*<td>Shoes</td>", page)
    assert "ana" in page
    assert page.count("/restore/") == 1


@pytest.mark.parametrize(
    ("query", "heading"),
    [
        ("?version=1", "Version 1: the first that is kept"),
        ("?version=2", "From version 1 to version 2"),
        ("?version=1&with=now", "From version 1 to version 3"),
        ("?version=99", "No such version"),
        ("?version=x&page=y", "From version 2 to version 3"),
        ("?version=99999999999999999999", "From version 2 to version 3"),
    ],
)
def test_history_compares_what_is_asked_for(
    editor: Client, article: Article, query: str, heading: str
) -> None:
    content = ArticleContent(title="Shoes", body="Oil them.", tags=("care",))
    save_article(article.site, slug="boots", content=content)
    page = editor.get(f"{LIST}{article.pk}/versions/{query}").content.decode()
    assert heading in page


def test_history_shows_markup_as_text(editor: Client, article: Article) -> None:
    ArticleVersion.objects.update(body=HOSTILE, title=HOSTILE)
    ArticleVersion.objects.filter(number=2).update(body=f"{HOSTILE} more")
    for query in ("", "?version=1"):
        page = editor.get(f"{LIST}{article.pk}/versions/{query}").content.decode()
        assert "&lt;script&gt;" in page
        assert "<script>alert" not in page
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page)


def test_restored_text_is_a_new_version_by_who_restored_it(
    editor: Client, article: Article
) -> None:
    assert restore(editor, article, 1) == 302
    article.refresh_from_db()
    assert (article.title, article.body, article.version) == ("Boots", "Wax them once.", 3)
    newest = article.versions.get(number=3)
    assert (newest.body, str(newest.changed_by)) == ("Wax them once.", "max")
    assert "version 1" in LogEntry.objects.get().change_message


def test_restoring_leaves_who_may_see_it(editor: Client, article: Article) -> None:
    inside = ArticleContent(title="Shoes", body="Secret.", audience="internal")
    save_article(article.site, slug="boots", content=inside)
    Article.objects.update(is_published=False)
    restore(editor, article, 1)
    article.refresh_from_db()
    assert (article.body, article.audience) == ("Wax them once.", "internal")
    assert not article.is_published


def test_restoring_what_stands_or_never_was_changes_nothing(
    editor: Client, article: Article
) -> None:
    assert restore(editor, article, 2) == 302
    assert restore(editor, article, 9) == 404
    article.refresh_from_db()
    assert article.version == 2
    assert not LogEntry.objects.exists()


def test_edit_is_kept_under_the_editors_name(editor: Client, article: Article) -> None:
    fields = {"title": "Shoes", "body": "Oil them.", "locale": "en", "tags": "care, , oil,"}
    fields |= {"audience": "internal", "is_published": "True"}
    assert editor.post(f"{LIST}{article.pk}/change/", fields).status_code == 302
    newest = article.versions.get(number=3)
    assert (newest.tags, newest.audience, str(newest.changed_by)) == (
        ["care", "oil"],
        "internal",
        "max",
    )


def test_a_rare_language_is_kept(editor: Client, make_article: MakeArticle) -> None:
    article = make_article("boots", locale="gsw")
    page = editor.get(f"{LIST}{article.pk}/change/").content.decode()
    assert '<option value="gsw" selected>' in page
    assert '<option value="de">' in page


def test_list_marks_drafts_and_internal_articles(editor: Client, make_article: MakeArticle) -> None:
    for slug, audience, is_published in (
        ("open", "public", True),
        ("unready", "public", False),
        ("secret", "internal", True),
    ):
        article = make_article(slug, audience=audience)
        Article.objects.filter(pk=article.pk).update(is_published=is_published)
    page = editor.get(LIST).content.decode()
    assert re.findall(r'class="article-mark[^"]*">(\w+)<', page) == [
        "Published",
        "Internal",
        "Draft",
    ]
    for state, slug in (("published", "open"), ("draft", "unready"), ("internal", "secret")):
        listed = editor.get(LIST, {"state": state}).content.decode()
        assert re.findall(r'change/[^"]*">(open|unready|secret)<', listed) == [slug]


@pytest.mark.parametrize("path", ["add/", "{pk}/change/", "{pk}/versions/"])
def test_pages_need_nothing_inline(editor: Client, article: Article, path: str) -> None:
    page = editor.get(LIST + path.format(pk=article.pk)).content.decode()
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page)
    assert 'src="/static/knowledge/editor.js" type="module"' in page or "versions" in path
