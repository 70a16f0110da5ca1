"""Which model turns texts into vectors, by the name that a site chose."""

from collections.abc import Sequence
from functools import cache
from typing import Protocol

from llm.minilm import NAME as LOCAL_MODEL
from llm.minilm import Matrix, load_minilm

DIMENSIONS = 384


class Embedder(Protocol):
    """Turns texts into rows of length 1; ``name`` is stored with every vector."""

    name: str

    def embed(self, texts: Sequence[str]) -> Matrix:
        """Return ``(len(texts), DIMENSIONS)``; raise ``ModelError`` when the model is away."""
        ...


@cache
def find_embedder(name: str) -> Embedder | None:
    """Return the embedder ``name``; ``None`` where it is not installed, or there is none."""
    return load_minilm() if name == LOCAL_MODEL else None
