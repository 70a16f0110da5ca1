"""The index follows the articles, whoever comes first and whatever is lost."""

import threading

import pytest
from django.db import connection
from kombu.exceptions import OperationalError

from conversations.models import Site
from core.errors import BadInput, TooLong
from knowledge import indexing
from knowledge.indexing import index_article, index_stale_articles
from knowledge.models import Article, Passage, Posting
from knowledge.passages import PassageText, split_markdown
from knowledge.retrieval import retrieve
from knowledge.services import ArticleContent, save_article
from knowledge.tasks import index_article_task
from tests.knowledge.conftest import MakeArticle

BOOTS = ArticleContent(title="Boots", body="# Care\nwax them\n\n# Drying\nnever on a heater")
SOCKS = ArticleContent(title="Socks", body="wool")


def snapshot() -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Return the whole index but its row numbers."""
    return (
        list(
            Passage.objects.order_by("article", "position").values_list("heading", "text", "length")
        ),
        list(
            Posting.objects.order_by("passage__position", "term").values_list(
                "passage__position", "term", "frequency"
            )
        ),
    )


def test_index_is_rebuilt_only_when_the_text_changed(site: Site, make_article: MakeArticle) -> None:
    article = make_article("boots", title="Boots", body="wax them")
    first = snapshot()
    assert index_article(article.pk) is False
    make_article("boots", title="Boots", body="brush them")
    assert snapshot() != first
    make_article("boots", title="Boots", body="wax them")
    assert snapshot() == first


def test_index_of_a_deleted_article_is_nothing_to_do(db: None) -> None:
    assert index_article(12_345) is False


def test_saving_the_same_again_changes_nothing(site: Site) -> None:
    first = save_article(site, slug="boots", content=BOOTS)
    again = save_article(site, slug="boots", content=BOOTS)
    changed = save_article(site, slug="boots", content=SOCKS)
    assert [(one.is_new, one.is_changed) for one in (first, again, changed)] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert [one.article.version for one in (again, changed)] == [1, 2]


@pytest.mark.parametrize(
    ("slug", "content", "error"),
    [
        ("no spaces", BOOTS, BadInput),
        ("", BOOTS, BadInput),
        ("x" * 200, BOOTS, BadInput),
        ("boots", ArticleContent(title=" ", body="x"), BadInput),
        ("boots", ArticleContent(title="x", body="a\x00b"), BadInput),
        ("boots", ArticleContent(title="x" * 201, body="x"), TooLong),
        ("boots", ArticleContent(title="x", body="x" * 200_001), TooLong),
    ],
)
def test_content_is_refused_when_it_can_not_be_stored(
    site: Site, slug: str, content: ArticleContent, error: type[Exception]
) -> None:
    with pytest.raises(error):
        save_article(site, slug=slug, content=content)
    assert not Article.objects.exists()


def test_task_is_sent_on_commit_and_indexes(
    site: Site, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: "object"
) -> None:
    sent = []
    monkeypatch.setattr(
        index_article_task, "apply_async", lambda args, **options: sent.append((args, options))
    )
    with django_capture_on_commit_callbacks(execute=True):
        article = save_article(site, slug="boots", content=BOOTS).article
        assert sent == []
    assert sent == [((article.pk,), {"queue": "bulk", "priority": 0, "retry": False})]
    index_article_task(article.pk)
    assert retrieve(site.pk, "heater").best is not None


def test_lost_task_is_made_up_for_by_the_sweep(
    site: Site, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: "object"
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(index_article_task, "apply_async", fail)
    with django_capture_on_commit_callbacks(execute=True):
        save_article(site, slug="boots", content=BOOTS)
    assert retrieve(site.pk, "heater").best is None
    assert index_stale_articles() == 1
    assert retrieve(site.pk, "heater").best is not None
    assert index_stale_articles() == 0


def test_old_index_stays_when_the_new_one_fails(
    site: Site, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    article = make_article("boots", title="Boots", body="wax them")
    before = snapshot()
    save_article(site, slug="boots", content=BOOTS)

    def fail(*args: object, **options: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(indexing, "_postings", fail)
    with pytest.raises(RuntimeError):
        index_article(article.pk)
    assert snapshot() == before


def test_sweep_goes_on_after_an_article_that_fails(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_article(site, slug="boots", content=BOOTS)
    save_article(site, slug="socks", content=SOCKS)

    def split(body: str, *, title: str) -> list[PassageText]:
        if title == "Boots":
            raise RuntimeError
        return split_markdown(body, title=title)

    monkeypatch.setattr(indexing, "split_markdown", split)
    assert index_stale_articles() == 1
    assert retrieve(site.pk, "wool").best is not None


@pytest.mark.django_db(transaction=True)
def test_index_is_right_when_workers_race(site: Site) -> None:
    article = save_article(site, slug="boots", content=BOOTS).article
    barrier = threading.Barrier(6)
    rebuilt: list[bool] = []

    def work() -> None:
        try:
            barrier.wait(timeout=10)
            rebuilt.append(index_article(article.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(rebuilt) == [False] * 5 + [True]
    assert [heading for heading, _, _ in snapshot()[0]] == ["Care", "Drying"]


@pytest.mark.django_db(transaction=True)
def test_no_version_is_given_twice_when_saves_race(site: Site) -> None:
    save_article(site, slug="boots", content=BOOTS)
    barrier = threading.Barrier(5)

    def work(number: int) -> None:
        try:
            barrier.wait(timeout=10)
            content = ArticleContent(title="Boots", body=f"text {number}")
            save_article(site, slug="boots", content=content)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert Article.objects.get().version == 6
