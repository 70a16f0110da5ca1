"""The local embedding model against a plain implementation in double precision."""

import math
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from llm.minilm import DIMENSIONS, MAX_TOKENS, MiniLM, load_minilm, model_folder

pytestmark = pytest.mark.skipif(
    model_folder() is None, reason="requirements-model.txt could not be installed"
)
Rows = NDArray[np.float64]
TEXTS = (
    "How do I return a pair of shoes?",
    "",
    "Café №5 😀 — naïve\u0000 text",
    "The parcel was sent to your address on Monday. " * 12,
    "word " * 400,
)


@pytest.fixture
def model() -> MiniLM:
    loaded = load_minilm()
    assert loaded is not None
    return loaded


@cache
def weights() -> dict[str, Rows]:
    from safetensors.numpy import load_file

    folder = model_folder()
    assert folder is not None
    loaded = load_file(folder / "model.safetensors")
    return {name: value.astype(np.float64) for name, value in loaded.items()}


def linear(x: Rows, name: str) -> Rows:
    return x @ weights()[f"{name}.weight"].T + weights()[f"{name}.bias"]


def norm(x: Rows, name: str) -> Rows:
    scaled = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-12)
    return scaled * weights()[f"{name}.weight"] + weights()[f"{name}.bias"]


def attend(x: Rows, name: str) -> Rows:
    parts = [linear(x, f"{name}.self.{part}") for part in ("query", "key", "value")]
    heads = []
    for head in range(12):
        query, key, value = (part[:, 32 * head : 32 * head + 32] for part in parts)
        scores = np.exp(query @ key.T / math.sqrt(32))
        heads.append(scores / scores.sum(1, keepdims=True) @ value)
    return linear(np.hstack(heads), f"{name}.output.dense")


def embed_plainly(ids: list[int]) -> Rows:
    """Return one text's vector as the papers write it, with the exact erf."""
    erf = np.vectorize(math.erf)
    x = weights()["embeddings.word_embeddings.weight"][ids]
    x = x + weights()["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + weights()["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(6):
        name = f"encoder.layer.{number}"
        x = norm(x + attend(x, f"{name}.attention"), f"{name}.attention.output.LayerNorm")
        inner = linear(x, f"{name}.intermediate.dense")
        inner = inner * (1 + erf(inner / math.sqrt(2))) / 2
        x = norm(x + linear(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    mean = x.mean(0)
    return np.asarray(mean / np.linalg.norm(mean))


def test_rows_equal_those_of_a_plain_implementation(model: MiniLM) -> None:
    rows = model.embed(TEXTS)
    for text, row in zip(TEXTS, rows, strict=True):
        expected = embed_plainly(model._tokenizer.encode(text).ids)
        assert np.abs(row - expected).max() < 2e-6


def test_rows_have_length_one(model: MiniLM) -> None:
    rows = model.embed(TEXTS)
    assert (rows.shape, rows.dtype) == ((len(TEXTS), DIMENSIONS), np.float32)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1] * len(TEXTS), abs=1e-6)
    assert model.embed([]).shape == (0, DIMENSIONS)


def test_row_is_the_same_alone_and_among_others(model: MiniLM) -> None:
    among = model.embed(TEXTS)
    for text, row in zip(TEXTS, among, strict=True):
        assert np.abs(model.embed([text])[0] - row).max() < 1e-6


def test_text_past_the_limit_is_not_looked_at(model: MiniLM) -> None:
    # The two special tokens count too.
    kept = "word " * (MAX_TOKENS - 2)
    rows = model.embed([kept, kept + "entirely different matters", "word " * (MAX_TOKENS - 3)])
    # Rows of one batch differ by rounding, on some processors.
    assert np.abs(rows[0] - rows[1]).max() < 1e-6
    assert np.abs(rows[0] - rows[2]).max() > 1e-4


def test_meaning_is_near_when_the_words_differ(model: MiniLM) -> None:
    question, near, far = model.embed(
        [
            "How can I send shoes back?",
            "Returning footwear",
            "Our offices are closed on public holidays.",
        ]
    )
    assert question @ near > 0.5
    assert question @ far < 0.2


def test_rows_are_the_same_from_several_threads(model: MiniLM) -> None:
    expected = [model.embed([text]) for text in TEXTS]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: model.embed([text]), TEXTS * 4))
    assert all((row == expected[index % len(TEXTS)]).all() for index, row in enumerate(found))
