"""Every passage gets its vectors, and a change of model leaves no gap."""

from time import time

import numpy as np
import pytest
from kombu.exceptions import OperationalError

from conversations.models import Site
from knowledge import embedding, tasks
from knowledge.embedding import embed_article, embed_next_gap
from knowledge.indexing import index_article, index_words
from knowledge.models import VECTOR_DIMENSIONS, Passage, PassageVector
from knowledge.retrieval import retrieve
from knowledge.services import ArticleContent, save_article
from knowledge.tasks import embed_missing_task, index_article_task, index_stale_articles_task
from llm.excerpts import split_excerpts
from tests.knowledge.conftest import Embedders, MakeArticle

LOCAL, REMOTE = "all-MiniLM-L6-v2", "text-embedding-3-small"


def models(site: Site) -> dict[str, int]:
    """Return how many vectors there are by each model."""
    names = PassageVector.objects.filter(site=site).values_list("model", flat=True)
    return {name: list(names).count(name) for name in set(names)}


def want(site: Site, model: str) -> None:
    site.embedding_model = model
    site.save(update_fields=["embedding_model"])


def served(site: Site) -> str:
    site.refresh_from_db()
    return site.served_embedding_model


def test_vectors_are_of_the_whole_of_each_label_and_of_each_sentence(
    make_article: MakeArticle, embedders: Embedders
) -> None:
    article = make_article("care", title="Boot care", body="## Wax\nWax them. Twice a year.")
    (vector,) = PassageVector.objects.filter(passage__article=article)
    whole, *parts = embedders[LOCAL].embed(
        [
            "Boot care\nWax\nWax them. Twice a year.",
            "Boot care",
            "Wax",
            "Wax them.",
            "Twice a year.",
        ]
    )
    assert np.allclose(np.array(vector.vector), whole, atol=1e-3)
    rows = np.frombuffer(vector.parts, dtype=np.float16).reshape(-1, VECTOR_DIMENSIONS)
    assert np.allclose(rows, parts, atol=1e-3)
    assert len(rows) == 2 + len(split_excerpts(vector.passage.text))


def test_first_article_makes_its_model_serve(site: Site, make_article: MakeArticle) -> None:
    make_article("boots")
    assert served(site) == LOCAL


def test_article_is_found_by_words_until_the_model_is_back(
    site: Site, make_article: MakeArticle, embedders: Embedders
) -> None:
    make_article("socks", body="warm socks")
    embedders[LOCAL].is_away = True
    make_article("boots", body="waterproof boots")
    assert retrieve(site.pk, "waterproof boots").passages[0].slug == "boots"
    assert embed_next_gap() == 0
    embedders[LOCAL].is_away = False
    assert embed_next_gap() == 1
    assert embed_next_gap() == 0
    best = retrieve(site.pk, "footwear").best
    assert best is not None
    assert best.slug == "boots"


def test_model_that_is_not_installed_leaves_the_words(
    site: Site, make_article: MakeArticle, embedders: Embedders
) -> None:
    del embedders[LOCAL]
    make_article("boots", body="waterproof boots")
    found = retrieve(site.pk, "boots")
    assert (found.is_hybrid, len(found.passages), served(site)) == (False, 1, "")


def test_vectors_of_passages_that_are_gone_are_not_stored(
    site: Site, make_article: MakeArticle, embedders: Embedders, monkeypatch: pytest.MonkeyPatch
) -> None:
    article = make_article("boots", body="old")
    PassageVector.objects.all().delete()
    embed = embedders[LOCAL].embed

    def edit_meanwhile(texts: list[str]) -> "np.ndarray":
        save_article(site, slug="boots", content=ArticleContent(title="Boots", body="new"))
        index_words(article.pk)
        return embed(texts)

    monkeypatch.setattr(embedders[LOCAL], "embed", edit_meanwhile)
    assert embed_article(article.pk) == 0
    assert models(site) == {}
    monkeypatch.setattr(embedders[LOCAL], "embed", embed)
    assert embed_article(article.pk) == 1
    assert PassageVector.objects.get().passage.text == "new"


def test_embedding_again_asks_no_model(make_article: MakeArticle, embedders: Embedders) -> None:
    article = make_article("boots")
    embedders[LOCAL].texts.clear()
    assert index_article(article.pk) is False
    assert embed_article(article.pk) == 0
    assert embedders[LOCAL].texts == []


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_model_works(
    site: Site, make_article: MakeArticle, embedders: Embedders, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import connection

    embed = embedders[LOCAL].embed
    seen = []

    def watch(texts: list[str], *, seconds: float = 0.0) -> "np.ndarray":
        seen.append(connection.in_atomic_block)
        return embed(texts, seconds=seconds)

    monkeypatch.setattr(embedders[LOCAL], "embed", watch)
    make_article("boots")
    retrieve(site.pk, "boots")
    assert seen == [False, False]


def test_old_model_serves_until_the_new_one_is_complete(
    site: Site, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "BATCH", 2)
    for number in range(5):
        make_article(f"boots-{number}", body="boots")
    want(site, REMOTE)
    answers = []
    while embed_next_gap(limit=2):
        found = retrieve(site.pk, "footwear")
        answers.append((served(site), found.is_hybrid, len(found.passages)))
    assert answers == [(LOCAL, True, 5)] * 3
    assert served(site) == REMOTE
    assert models(site) == {REMOTE: 5}
    found = retrieve(site.pk, "footwear")
    assert (found.is_hybrid, len(found.passages)) == (True, 5)
    assert found.passages[0].cosine > 0.5


def test_edit_during_a_change_is_kept_in_both_models(site: Site, make_article: MakeArticle) -> None:
    make_article("hats", body="hats")
    make_article("boots", body="gloves")
    want(site, REMOTE)
    make_article("boots", body="boots")
    assert served(site) == LOCAL
    assert models(site) == {LOCAL: 2, REMOTE: 1}
    best = retrieve(site.pk, "footwear").best
    assert best is not None
    assert best.slug == "boots"


def test_old_model_stays_while_the_new_one_is_away(
    site: Site, make_article: MakeArticle, embedders: Embedders
) -> None:
    make_article("boots", body="boots")
    embedders[REMOTE].is_away = True
    want(site, REMOTE)
    assert embed_next_gap() == 0
    assert served(site) == LOCAL
    assert retrieve(site.pk, "footwear").is_hybrid


def test_words_only_is_so_at_once(site: Site, make_article: MakeArticle) -> None:
    make_article("boots", body="boots")
    want(site, "")
    assert not retrieve(site.pk, "boots").is_hybrid
    assert embed_next_gap() == 0
    assert (served(site), models(site)) == ("", {})


def test_choosing_the_old_model_again_drops_the_new_ones_vectors(
    site: Site, make_article: MakeArticle
) -> None:
    make_article("hats")
    make_article("boots")
    want(site, REMOTE)
    embed_next_gap(limit=1)
    want(site, LOCAL)
    embed_next_gap()
    assert (served(site), models(site)) == (LOCAL, {LOCAL: 2})


class Sent:
    """What the tasks sent, in the order in which a worker takes it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.waiting: list[tuple[int, int, object, object]] = []
        for task in (tasks.embed_article_task, embed_missing_task, index_article_task):
            monkeypatch.setattr(task, "apply_async", self._sender(task))

    def _sender(self, task: object) -> object:
        def send(args: tuple[object], *, queue: str, retry: bool, priority: int = 0) -> None:
            assert (queue, retry) == ("bulk", False)
            self.waiting.append((priority, len(self.waiting), task, args[0]))

        return send

    def run_next(self) -> None:
        one = min(self.waiting, key=lambda sent: sent[:2])
        self.waiting[self.waiting.index(one)] = (99, one[1], None, None)
        one[2](one[3])

    @property
    def is_empty(self) -> bool:
        return all(priority == 99 for priority, *_ in self.waiting)


def test_changed_article_goes_ahead_of_a_change_of_model(
    site: Site,
    make_article: MakeArticle,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: "object",
) -> None:
    for number in range(30):
        make_article(f"hats-{number}", body="hats")
    want(site, REMOTE)
    sent = Sent(monkeypatch)
    index_stale_articles_task()
    sent.run_next()
    with django_capture_on_commit_callbacks(execute=True):
        save_article(site, slug="boots", content=ArticleContent(title="Boots", body="gloves boots"))
    sent.run_next()
    assert retrieve(site.pk, "gloves").passages[0].lexical > 0.1
    sent.run_next()
    best = retrieve(site.pk, "footwear").best
    assert best is not None
    assert (best.slug, served(site)) == ("boots", LOCAL)
    while not sent.is_empty:
        sent.run_next()
    assert served(site) == REMOTE


def test_chain_of_batches_ends_when_the_next_sweep_begins(
    site: Site, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_article("boots")
    want(site, REMOTE)
    sent = Sent(monkeypatch)
    embed_missing_task(time() - 1)
    assert sent.is_empty
    assert models(site) == {LOCAL: 1}


def test_words_are_indexed_when_the_broker_is_away(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise OperationalError

    monkeypatch.setattr(tasks.embed_article_task, "apply_async", fail)
    article = save_article(site, slug="boots", content=ArticleContent(title="B", body="b")).article
    index_article_task(article.pk)
    assert Passage.objects.filter(article=article).exists()


@pytest.mark.parametrize(("model", "sent"), [(LOCAL, "harbor 7"), (REMOTE, "harbor <EMAIL_1>")])
def test_question_when_it_leaves_the_machine_is_redacted_and_its_words_are_found(
    site: Site, make_article: MakeArticle, embedders: Embedders, model: str, sent: str
) -> None:
    site.embedding_model = site.served_embedding_model = model
    site.save(update_fields=["embedding_model", "served_embedding_model"])
    make_article("harbor", body="The harbor has a number: 7.")
    embedders[model].texts.clear()
    found = retrieve(
        site.pk, "harbor 7", redact=lambda question: question.replace("7", "<EMAIL_1>")
    )
    assert embedders[model].texts == [sent]
    assert found.best is not None
    assert "7" in found.terms
