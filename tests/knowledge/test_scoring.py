"""What a passage is worth, by numbers alone."""

import pytest

from knowledge.lexical import plan_reading
from knowledge.scoring import (
    bm25,
    bound_of,
    fused_score,
    idf_of,
    lexical_score,
    margin_of,
    peak_of,
    share_of,
    weigh_terms,
)


def test_rare_words_weigh_more_and_none_less_than_nothing() -> None:
    weights = [idf_of(holding, passages=100) for holding in (0, 1, 50, 100, 120)]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] >= 0


def test_unknown_word_weighs_most_and_unknown_number_nothing() -> None:
    weights = weigh_terms(
        ["boot", "kazoo", "48213", "30"], holding={"boot": 3, "30": 1}, passages=9
    )
    assert list(weights) == ["boot", "kazoo", "30"]
    assert max(weights, key=weights.__getitem__) == "kazoo"


@pytest.mark.parametrize("length", [1, 10, 1_000])
def test_no_passage_reaches_the_bound(length: int) -> None:
    weights = {"boot": 2.0, "wax": 1.0}
    points = bm25({"boot": 9_999, "wax": 9_999}, length=length, mean_length=10, weights=weights)
    assert 0 < points < bound_of(weights)


def test_longer_passage_is_worth_less() -> None:
    short, long = (
        bm25({"boot": 2}, length=length, mean_length=50, weights={"boot": 1.0})
        for length in (20, 200)
    )
    assert short > long


def test_meaning_and_words_are_joined() -> None:
    nothing, all_ = (
        fused_score(cosine=one, label=one, sentence=one, lexical=one) for one in (0.0, 1.0)
    )
    assert (nothing, all_) == (0.0, pytest.approx(1.0))
    assert fused_score(cosine=-0.9, label=0.0, sentence=0.0, lexical=0.1) == 0.0


@pytest.mark.parametrize("name", ["cosine", "label", "sentence", "lexical"])
def test_each_kind_of_evidence_counts(name: str) -> None:
    half = dict.fromkeys(("cosine", "label", "sentence", "lexical"), 0.5)
    assert fused_score(**half | {name: 0.6}) > fused_score(**half)


def test_words_alone_count_twice_when_the_label_is_the_question() -> None:
    plain, labelled = (lexical_score(lexical=0.4, likeness=likeness) for likeness in (0.0, 1.0))
    assert labelled == 2 * plain == 0.4


def test_share_is_by_weight_and_of_nothing_nothing() -> None:
    assert share_of(["a", "x"], weights={"a": 3.0, "b": 1.0}) == 0.75
    assert share_of(["a"], weights={}) == 0.0


def test_margin_is_to_the_next_article() -> None:
    assert margin_of([("a", 0.8), ("a", 0.7), ("b", 0.4)]) == pytest.approx(0.5)
    assert margin_of([("a", 0.8), ("a", 0.7)]) == 1.0
    assert margin_of([("a", 0.0), ("b", 0.0)]) == 0.0


def test_peak_is_over_the_mean_of_the_next_nine_articles() -> None:
    scores = [("a", 0.9), ("a", 0.8), *((f"b{number}", 0.4) for number in range(9)), ("c", 0.1)]
    assert peak_of(scores) == pytest.approx(0.5)
    assert peak_of([("a", 0.9)]) == 0.9


def test_rare_words_are_read_whole_and_the_budget_is_kept() -> None:
    reading = plan_reading({"the": 90, "boot": 30, "wax": 5, "kazoo": 0}, budget=50)
    assert reading.budgets == {"wax": 5, "boot": 30, "the": 15}
    assert reading.whole == {"wax", "boot"}


def test_only_word_is_read_in_part_when_it_stands_everywhere() -> None:
    reading = plan_reading({"order": 90, "shop": 95}, budget=50)
    assert reading.budgets == {"order": 50}
    assert reading.whole == frozenset()
