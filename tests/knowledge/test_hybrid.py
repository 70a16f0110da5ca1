"""What questions find by their meaning and their words together."""

import pytest
from django.db import connection
from django.db.backends.postgresql import base

from conversations.models import Site
from knowledge.models import Audience, PassageVector
from knowledge.retrieval import Retrieval, retrieve
from knowledge.scoring import fused_score
from knowledge.services import unpublish_articles
from llm.excerpts import split_excerpts
from tests.knowledge.conftest import Embedders, MakeArticle

MODEL = "all-MiniLM-L6-v2"


def slugs(found: Retrieval) -> list[str]:
    return [passage.slug for passage in found.passages]


def test_other_words_for_the_same_find_it(site: Site, make_article: MakeArticle) -> None:
    make_article("boots", body="boots and boots")
    make_article("hats", body="hats and hats")
    found = retrieve(site.pk, "footwear")
    assert found.is_hybrid
    assert slugs(found) == ["boots", "hats"]
    assert found.passages[0].lexical == 0.0
    assert found.passages[0].cosine > 0.5 > found.passages[1].cosine


def test_every_candidate_is_scored_by_both(site: Site, make_article: MakeArticle) -> None:
    for number in range(60):
        make_article(f"hats-{number}", body="hats " + "zebra " * number)
    make_article("boots", body="footwear " * 30 + "rare")
    found = retrieve(site.pk, "rare boots", limit=1_000)
    assert slugs(found)[0] == "boots"
    assert all(
        one.score
        == pytest.approx(
            fused_score(
                cosine=one.cosine,
                label=one.label_cosine,
                sentence=max(one.sentence_cosines),
                lexical=one.lexical,
            )
        )
        for one in found.passages
    )
    assert found.passages[0].lexical > 0.1
    assert found.passages[0].cosine > 0.5


def test_sentences_are_compared_in_their_order(site: Site, make_article: MakeArticle) -> None:
    make_article("care", body="Hats are dull. Wax the boots. It rains.")
    (best,) = retrieve(site.pk, "wax boots").passages
    assert len(best.sentence_cosines) == len(split_excerpts(best.text)) == 3
    assert max(best.sentence_cosines) == best.sentence_cosines[1]


def test_search_is_the_same_where_statements_are_put_together_here(
    site: Site, make_article: MakeArticle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As without prepared statements, behind an old PgBouncer."""
    make_article("care", body="Hats are dull. Wax the boots. It rains.")
    bound = retrieve(site.pk, "wax boots")
    monkeypatch.setattr(connection.connection, "cursor_factory", base.Cursor)
    assert retrieve(site.pk, "wax boots") == bound
    assert bound.is_hybrid


def test_words_decide_while_the_model_is_away(
    site: Site, make_article: MakeArticle, embedders: Embedders
) -> None:
    make_article("boots", body="boots are waterproof")
    embedders[MODEL].is_away = True
    found = retrieve(site.pk, "waterproof boots")
    assert not found.is_hybrid
    assert slugs(found) == ["boots"]
    assert found.passages[0].sentence_cosines == ()
    del embedders[MODEL]
    assert retrieve(site.pk, "waterproof boots") == found


def test_passage_without_vector_is_found_by_its_words(
    site: Site, make_article: MakeArticle
) -> None:
    make_article("boots", body="boots are waterproof")
    make_article("socks", body="socks are warm")
    PassageVector.objects.filter(passage__article__slug="boots").delete()
    found = retrieve(site.pk, "waterproof boots")
    assert found.is_hybrid
    assert slugs(found)[0] == "boots"


def test_hidden_articles_are_not_found_by_meaning(site: Site, make_article: MakeArticle) -> None:
    make_article("boots", body="boots")
    make_article("staff", body="boots", audience=Audience.INTERNAL)
    hidden = make_article("draft", body="boots")
    unpublish_articles([hidden.pk])
    assert slugs(retrieve(site.pk, "footwear")) == ["boots"]
    assert set(slugs(retrieve(site.pk, "footwear", for_staff=True))) == {"boots", "staff"}


def test_other_sites_articles_are_not_found_by_meaning(
    site: Site, make_article: MakeArticle
) -> None:
    make_article("boots", body="boots")
    other = Site.objects.create(key="other", name="Other", served_embedding_model=MODEL)
    assert retrieve(other.pk, "footwear").best is None
