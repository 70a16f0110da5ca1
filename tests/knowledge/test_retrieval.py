"""What questions find by their words alone, and how it is scored."""

import random
from collections import Counter
from math import log

import pytest

from conversations.models import Site
from knowledge.indexing import passage_terms
from knowledge.models import Passage
from knowledge.passages import PassageText
from knowledge.retrieval import Retrieval, retrieve
from knowledge.scoring import K1, B
from knowledge.services import publish_articles, unpublish_articles
from tests.knowledge.conftest import MakeArticle

pytestmark = pytest.mark.usefixtures("wordy_site")

VOCABULARY = [
    "alpha", "bravo", "carbon", "delta", "ember", "falcon", "garnet", "harbor", "indigo", "kayak",
]  # fmt: skip


def slugs(found: Retrieval) -> list[str]:
    return [passage.slug for passage in found.passages]


def counts_by_passage(site: Site) -> dict[int, Counter[str]]:
    """Return the terms of every published passage, worked out from the texts alone."""
    passages = Passage.objects.filter(article__site=site, article__is_published=True)
    return {
        one.pk: passage_terms(one.article, passage=PassageText(one.position, one.heading, one.text))
        for one in passages.select_related("article")
    }


def bm25_by_hand(counts: dict[int, Counter[str]], terms: list[str]) -> dict[int, float]:
    """Return the BM25 of every passage that holds a term, by the textbook, over its bound."""
    mean = sum(one.total() for one in counts.values()) / len(counts)
    scores: Counter[int] = Counter()
    bound = 0.0
    for term in terms:
        holding = sum(term in one for one in counts.values())
        idf = log(1 + (len(counts) - holding + 0.5) / (holding + 0.5))
        bound += idf * (K1 + 1)
        for pk, one in counts.items():
            if one[term]:
                norm = K1 * (1 - B + B * one.total() / mean)
                scores[pk] += idf * one[term] * (K1 + 1) / (one[term] + norm)
    return {pk: score / bound for pk, score in scores.items()}


@pytest.mark.parametrize("seed", range(12))
def test_ranking_equals_bm25_by_hand(site: Site, make_article: MakeArticle, seed: int) -> None:
    dice = random.Random(seed)

    def words(most: int) -> str:
        return " ".join(dice.choices(VOCABULARY, k=dice.randint(1, most)))

    def body() -> str:
        return "\n".join(f"## {words(1)}\n{words(40)}" for _ in range(dice.randint(1, 4)))

    count = dice.randint(2, 9)
    articles = [make_article(f"a{n}", title=words(2), body=body()) for n in range(count)]
    unpublish_articles([articles[0].pk])
    terms = dice.sample(VOCABULARY, k=dice.randint(1, 5))
    # The words of the vocabulary are their own stems.
    expected = bm25_by_hand(counts_by_passage(site), terms)
    found = retrieve(site.pk, " ".join(terms), limit=1_000)
    assert found.terms == tuple(terms)
    assert {one.id: one.lexical for one in found.passages} == pytest.approx(expected)
    scores = [one.score for one in found.passages]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)


def test_score_nears_its_bound_when_text_and_label_are_the_question(
    site: Site, make_article: MakeArticle
) -> None:
    make_article("long", title="Harbor", body="harbor " * 5_000)
    make_article("other", body="alpha")
    best = retrieve(site.pk, "harbor").best
    assert best is not None
    assert 0.9 < best.score < 1.0
    assert best.coverage == 1.0


def test_heading_that_asks_the_question_comes_first(site: Site, make_article: MakeArticle) -> None:
    make_article("status", body="## What is my order status?\nAn order has a status.")
    make_article("track", body="## Where is my order?\nAn order has a status.")
    assert slugs(retrieve(site.pk, "where is my order")) == ["track", "status"]
    assert slugs(retrieve(site.pk, "what is my order")) == ["status", "track"]


def test_unknown_words_lower_score_and_coverage(site: Site, make_article: MakeArticle) -> None:
    make_article("boots", body="boots are waterproof")
    make_article("other", body="alpha")
    known = retrieve(site.pk, "waterproof boots")
    half = retrieve(site.pk, "waterproof boots zeppelin kazoo")
    assert known.coverage == 1.0
    assert half.coverage < 0.5
    assert half.passages[0].score < known.passages[0].score / 2
    assert half.passages[0].lexical < known.passages[0].lexical / 2


def test_unknown_number_counts_for_nothing(site: Site, make_article: MakeArticle) -> None:
    make_article("orders", body="track an order")
    plain = retrieve(site.pk, "track order")
    numbered = retrieve(site.pk, "track order HP-77012 48213")
    assert numbered.passages == plain.passages
    assert numbered.coverage == 1.0


@pytest.mark.parametrize(
    "question", ["", "   ", "what is it?", "zeppelin", "48213", "?!", "\ud800"]
)
def test_nothing_is_found_when_no_article_holds_a_word(
    site: Site, make_article: MakeArticle, question: str
) -> None:
    make_article("boots", body="boots are waterproof")
    found = retrieve(site.pk, question)
    assert (found.passages, found.best, found.coverage, found.margin) == ((), None, 0.0, 0.0)


def test_nothing_is_found_when_there_are_no_articles(site: Site) -> None:
    assert retrieve(site.pk, "boots").best is None


def test_unpublished_article_is_never_found(site: Site, make_article: MakeArticle) -> None:
    article = make_article("boots", body="boots are waterproof")
    make_article("socks", body="socks are warm, boots are not")
    unpublish_articles([article.pk])
    assert slugs(retrieve(site.pk, "waterproof boots")) == ["socks"]
    publish_articles([article.pk])
    assert slugs(retrieve(site.pk, "waterproof boots")) == ["boots", "socks"]


def test_unpublished_article_weighs_nothing(site: Site, make_article: MakeArticle) -> None:
    make_article("boots", body="boots are waterproof")
    make_article("socks", body="socks are warm")
    before = retrieve(site.pk, "waterproof boots")
    hidden = [make_article(f"hidden-{number}", body="boots") for number in range(5)]
    unpublish_articles([article.pk for article in hidden])
    assert retrieve(site.pk, "waterproof boots") == before


def test_other_sites_articles_are_not_found(site: Site, make_article: MakeArticle) -> None:
    make_article("boots", body="boots are waterproof")
    other = Site.objects.create(key="other", name="Other")
    assert retrieve(other.pk, "waterproof boots").best is None


def test_margin_is_measured_against_another_article(site: Site, make_article: MakeArticle) -> None:
    make_article("boots", body="## One\nwaterproof boots\n## Two\nwaterproof boots")
    assert retrieve(site.pk, "waterproof boots").margin == 1.0
    make_article("copy", title="boots", body="## One\nwaterproof boots\n## Two\nwaterproof boots")
    assert retrieve(site.pk, "waterproof boots").margin == pytest.approx(0.0)


def test_title_and_tags_are_found(site: Site, make_article: MakeArticle) -> None:
    make_article("one", title="Warranty", body="two years", tags=("guarantee",))
    make_article("two", title="Shipping", body="three days")
    assert slugs(retrieve(site.pk, "warranty")) == slugs(retrieve(site.pk, "guarantee")) == ["one"]


def test_address_is_absolute_and_answers(
    site: Site, make_article: MakeArticle, client: "object"
) -> None:
    make_article("boots", body="boots are waterproof")
    best = retrieve(site.pk, "boots").best
    assert best is not None
    assert best.url == "http://testserver/help/shop/boots/"
    assert client.get(best.url.removeprefix("http://testserver")).status_code == 200


@pytest.mark.parametrize("locale", ["de-DE", "de", "", "e", "%", "(", "EN-us"])
def test_question_is_read_in_the_sites_language_when_the_browser_speaks_another(
    site: Site, make_article: MakeArticle, locale: str
) -> None:
    make_article("returns", body="returning shoes is free", locale="en-GB")
    assert slugs(retrieve(site.pk, "return a shoe", locale=locale)) == ["returns"]


def test_question_is_read_in_its_own_language_when_there_are_articles(
    site: Site, make_article: MakeArticle
) -> None:
    make_article("returns", body="returning shoes is free")
    make_article("rueckgabe", body="Bestellungen sind kostenlos", locale="de")
    assert slugs(retrieve(site.pk, "die Bestellung", locale="de-DE")) == ["rueckgabe"]


def test_queries_stay_few_whatever_is_found(
    site: Site, make_article: MakeArticle, django_assert_num_queries: "object"
) -> None:
    for number in range(8):
        make_article(f"boots-{number}", body="## One\nboots\n## Two\nboots")
    with django_assert_num_queries(5):
        assert len(retrieve(site.pk, " ".join(VOCABULARY) + " boots").passages) == 5
