"""What a save keeps: the article, its history, where it comes from and who may see it."""

from importlib import import_module

import pytest
from django.apps import apps
from django.db import IntegrityError

from accounts.models import User
from conversations.models import Site
from core.errors import BadInput
from knowledge.models import Article, ArticleVersion, Audience, Source
from knowledge.services import ArticleContent, save_article

WAXED = ArticleContent(title="Boots", body="wax them", tags=("care",))
OILED = ArticleContent(title="Boots", body="oil them", tags=("care",))


def rows(article: Article) -> list[tuple[int, str, str, User | None]]:
    versions = article.versions.select_related("changed_by").order_by("number")
    return [(row.number, row.body, row.audience, row.changed_by) for row in versions]


def test_each_version_is_kept_with_its_author(site: Site, agent: User) -> None:
    article = save_article(site, slug="boots", content=WAXED).article
    save_article(site, slug="boots", content=OILED, changed_by=agent)
    save_article(site, slug="boots", content=OILED, changed_by=agent)
    assert rows(article) == [(1, "wax them", "public", None), (2, "oil them", "public", agent)]
    assert ArticleVersion.objects.filter(tags=["care"], title="Boots", locale="en").count() == 2


def test_nothing_is_saved_when_its_version_can_not_be(site: Site) -> None:
    article = save_article(site, slug="boots", content=WAXED).article
    ArticleVersion.objects.create(
        article=article, number=2, title="x", body="x", locale="en", audience="public"
    )
    with pytest.raises(IntegrityError):
        save_article(site, slug="boots", content=OILED)
    article.refresh_from_db()
    assert (article.body, article.version) == ("wax them", 1)


def test_audience_is_a_part_of_the_version(site: Site) -> None:
    article = save_article(site, slug="boots", content=WAXED).article
    inside = ArticleContent(title="Boots", body="wax them", tags=("care",), audience="internal")
    assert save_article(site, slug="boots", content=inside).is_changed
    article.refresh_from_db()
    assert (article.audience, article.version) == (Audience.INTERNAL, 2)
    assert [row[2] for row in rows(article)] == ["public", "internal"]


def test_unknown_audience_is_refused(site: Site) -> None:
    with pytest.raises(BadInput, match="audience"):
        save_article(
            site, slug="boots", content=ArticleContent(title="t", body="b", audience="everybody")
        )
    assert not Article.objects.exists()


def test_source_is_noted_without_a_new_version(site: Site, agent: User) -> None:
    source = Source.objects.create(site=site, kind=Source.Kind.FOLDER, location="help")
    save_article(site, slug="boots", content=WAXED)
    saved = save_article(site, slug="boots", content=WAXED, source=source, origin="boots.md")
    assert not saved.is_changed
    save_article(site, slug="boots", content=OILED, changed_by=agent)
    article = Article.objects.get()
    assert (article.source, article.origin, article.version) == (source, "boots.md", 2)


def test_import_never_shows_customers_what_was_internal(site: Site) -> None:
    source = Source.objects.create(site=site, kind=Source.Kind.FOLDER, location="help")
    inside = ArticleContent(title="Boots", body="wax them", audience="internal")
    save_article(site, slug="boots", content=inside)
    save_article(site, slug="boots", content=OILED, source=source, origin="boots.md")
    article = Article.objects.get()
    assert (article.body, article.audience) == ("oil them", Audience.INTERNAL)
    save_article(site, slug="boots", content=OILED)
    article.refresh_from_db()
    assert article.audience == Audience.PUBLIC


def test_articles_of_before_get_their_first_row_once(site: Site) -> None:
    article = save_article(site, slug="boots", content=WAXED).article
    save_article(site, slug="boots", content=OILED)
    ArticleVersion.objects.all().delete()
    migration = import_module("knowledge.migrations.0003_first_versions")
    for _ in range(2):
        migration.keep_versions(apps, None)
    assert rows(article) == [(2, "oil them", "public", None)]
    article.refresh_from_db()
    assert article.versions.get().created_at == article.updated_at
