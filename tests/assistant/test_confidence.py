"""When retrieval is sure enough to answer."""

from dataclasses import replace
from uuid import uuid4

import pytest

from assistant import confidence
from assistant.confidence import (
    confidence_of,
    features_of,
    probability,
    shipped_threshold,
    threshold_of,
    with_doubts,
)
from assistant.models import Calibration
from assistant.reference import shipped_line, shipped_samples
from conversations.models import Site
from knowledge.retrieval import Retrieval, ScoredPassage


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
        coverage=0.8,
        likeness=likeness,
    )


CLEAR = Retrieval(
    passages=(passage(0.6),),
    terms=("return", "long", "boot"),
    coverage=0.8,
    margin=0.5,
    peak=0.35,
    focus=0.6,
    is_hybrid=True,
)
BY_WORDS = replace(CLEAR, passages=(passage(0.7),), is_hybrid=False)


def sure(retrieval: Retrieval, *, is_foreign: bool = False) -> float:
    return probability(shipped_line(), features_of(retrieval, is_foreign=is_foreign))


def test_confidence_is_nought_when_nothing_is_found() -> None:
    assert sure(Retrieval(is_hybrid=True)) == 0.0
    assert sure(Retrieval(terms=("boot",)), is_foreign=True) == 0.0


@pytest.mark.parametrize("clear", [CLEAR, BY_WORDS])
def test_confidence_is_high_when_the_match_is_clear(clear: Retrieval) -> None:
    assert sure(clear) > 0.8


@pytest.mark.parametrize(
    "weaker",
    [
        replace(CLEAR, passages=(passage(0.3),)),
        replace(CLEAR, peak=0.05),
        replace(CLEAR, terms=("return",)),
    ],
)
def test_confidence_falls_when_the_evidence_is_weaker(weaker: Retrieval) -> None:
    assert sure(weaker) < sure(CLEAR)


def test_confidence_by_words_alone_falls_when_the_evidence_is_weaker() -> None:
    for weaker in (
        replace(BY_WORDS, passages=(passage(0.2),)),
        replace(BY_WORDS, passages=(passage(0.7, likeness=0.1),)),
        replace(BY_WORDS, margin=0.0),
    ):
        assert sure(weaker) < sure(BY_WORDS)


def test_confidence_is_lower_for_a_language_that_the_vectors_do_not_know() -> None:
    assert sure(CLEAR, is_foreign=True) < sure(CLEAR)


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize("count", [1, 64])
@pytest.mark.parametrize("is_hybrid", [True, False])
def test_confidence_stays_a_probability(
    score: float, share: float, count: int, is_hybrid: bool
) -> None:
    extreme = Retrieval(
        passages=(passage(score),),
        terms=tuple(map(str, range(count))),
        coverage=share,
        margin=share,
        peak=score,
        focus=share,
        is_hybrid=is_hybrid,
    )
    assert 0.0 <= sure(extreme) <= 1.0


def test_threshold_rises_when_fewer_answers_may_be_wrong() -> None:
    targets = [0.5, 0.2, 0.1, 0.05, 0.02]
    thresholds = [shipped_threshold(target) for target in targets]
    assert thresholds == sorted(thresholds)
    assert 0.0 < thresholds[0] < thresholds[-1] <= confidence.NEVER


def test_threshold_when_no_answer_may_be_wrong_lets_none_through() -> None:
    assert shipped_threshold(-1.0) == confidence.NEVER > 1.0


def test_threshold_follows_from_the_target_unless_it_is_fixed(site: Site) -> None:
    site.wrong_answer_target = 0.1
    assert threshold_of(site) == shipped_threshold(0.1)
    site.answer_threshold = 0.42
    assert threshold_of(site, topic="returns") == 0.42


def test_confidence_follows_the_calibration_in_use(site: Site) -> None:
    line = shipped_line()
    doubtful = {"intercept": line.intercept - 3, "weights": dict(line.weights)}
    Calibration.objects.create(
        site=site,
        state="active",
        samples=60,
        weights=doubtful,
        thresholds={"": 0.7, "returns": 0.6},
        curves={"target": site.wrong_answer_target, "topics": {}},
    )
    features = features_of(CLEAR)
    assert confidence_of(site, features) < probability(line, features)
    assert threshold_of(site) == 0.7
    assert threshold_of(site, topic="returns") == 0.6


def test_calibration_of_other_features_is_left_alone(site: Site) -> None:
    Calibration.objects.create(
        site=site,
        state="active",
        samples=60,
        weights={"intercept": 0.0, "weights": {"score": 1.0}},
        thresholds={"": 0.1},
        curves={"target": site.wrong_answer_target, "topics": {}},
    )
    features = features_of(CLEAR)
    assert confidence_of(site, features) == probability(shipped_line(), features)
    assert threshold_of(site) == shipped_threshold(site.wrong_answer_target)


def test_shipped_questions_have_the_features_of_the_shipped_weights() -> None:
    names = set(shipped_line().weights)
    assert names == set(features_of(CLEAR))
    samples = shipped_samples()
    assert all(set(one.features) == names for one in samples)
    assert any(one.is_right for one in samples)
    assert not any(one.is_right for one in samples if one.is_out_of_scope)


def test_doubts_when_an_answer_is_as_good_as_promised_change_nothing() -> None:
    features = features_of(CLEAR)
    good = with_doubts(features, self_confidence=0.95, groundedness=1.0, mean_logprob=-0.05)
    unknown = with_doubts(features, self_confidence=None, groundedness=None, mean_logprob=None)
    assert good == unknown == features


@pytest.mark.parametrize(
    "signs",
    [
        {"self_confidence": 0.2, "groundedness": 1.0, "mean_logprob": None},
        {"self_confidence": 0.9, "groundedness": 0.5, "mean_logprob": None},
        {"self_confidence": None, "groundedness": None, "mean_logprob": -1.5},
    ],
)
def test_doubts_when_one_sign_is_bad_lower_the_confidence(signs: dict[str, float | None]) -> None:
    features = features_of(CLEAR)
    line = shipped_line()
    assert probability(line, with_doubts(features, **signs)) < probability(line, features)
