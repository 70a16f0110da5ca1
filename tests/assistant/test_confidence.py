"""When retrieval is sure enough to answer."""

from dataclasses import replace
from uuid import uuid4

import pytest

from assistant.confidence import retrieval_confidence
from assistant.measuring import KnownQuestion, Outcome, figures
from knowledge.retrieval import Retrieval, ScoredPassage

THRESHOLD = 0.5


def passage(score: float, *, likeness: float = 0.8) -> ScoredPassage:
    return ScoredPassage(
        id=1,
        article_id=uuid4(),
        slug="returns",
        title="Returns",
        heading="How long",
        text="Thirty days.",
        url="http://testserver/help/shop/returns/",
        score=score,
        bm25=score * 10,
        coverage=0.8,
        likeness=likeness,
    )


CLEAR = Retrieval(
    passages=(passage(0.7),),
    terms=("return", "long", "boot"),
    coverage=0.8,
    margin=0.5,
)


def with_score(score: float) -> Retrieval:
    return replace(CLEAR, passages=(passage(score),))


def test_confidence_is_nought_when_nothing_is_found() -> None:
    assert retrieval_confidence(Retrieval()) == 0.0
    assert retrieval_confidence(Retrieval(terms=("boot",))) == 0.0


def test_confidence_is_high_when_the_match_is_clear() -> None:
    assert retrieval_confidence(CLEAR) > 0.8


@pytest.mark.parametrize(
    "weaker",
    [
        with_score(0.2),
        replace(CLEAR, passages=(passage(0.7, likeness=0.2),)),
        replace(CLEAR, coverage=0.3),
        replace(CLEAR, margin=0.0),
        replace(CLEAR, terms=("return",)),
    ],
)
def test_confidence_falls_when_the_evidence_is_weaker(weaker: Retrieval) -> None:
    assert retrieval_confidence(weaker) < retrieval_confidence(CLEAR)


def test_confidence_is_low_when_the_match_is_poor() -> None:
    poor = replace(CLEAR, passages=(passage(0.1, likeness=0.0),), coverage=0.2, margin=0.1)
    assert retrieval_confidence(poor) < 0.05


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("count", [1, 64])
def test_confidence_stays_a_probability(score: float, share: float, count: int) -> None:
    terms = tuple(map(str, range(count)))
    extreme = replace(with_score(score), terms=terms, coverage=share, margin=share)
    assert 0.0 < retrieval_confidence(extreme) < 1.0


def test_figures_count_what_became_of_the_questions() -> None:
    known = KnownQuestion("known", frozenset({"a"}))
    outcomes = [
        Outcome(known, 1, 0.9),
        Outcome(known, 2, 0.8),
        Outcome(known, 1, 0.2),
        Outcome(known, None, 0.1),
        Outcome(KnownQuestion("unknown"), None, 0.1),
        Outcome(KnownQuestion("unknown"), None, 0.7),
    ]
    found = figures(outcomes, threshold=THRESHOLD)
    assert (found.answerable, found.unanswerable) == (4, 2)
    assert (found.recall_1, found.recall_3, found.mrr) == (0.5, 0.75, 0.625)
    assert (found.answered, found.wrong, found.passed_on) == (0.25, 0.25, 0.5)
    assert found.refused == 0.5
