"""Which model turns texts into vectors, by the name that a site chose."""

from collections.abc import Sequence
from functools import cache
from typing import Final, Protocol

from llm.keys import key_ring
from llm.minilm import NAME as LOCAL_MODEL
from llm.minilm import Matrix, load_minilm

DIMENSIONS: Final = 384
OPENAI_MODELS: Final = ("text-embedding-3-small", "text-embedding-3-large")
# A customer waits for the first, a job for the second.
QUERY_SECONDS: Final = 2.0
BULK_SECONDS: Final = 60.0


class Embedder(Protocol):
    """Turns texts into rows of length 1; ``name`` is stored with every vector."""

    name: str

    def embed(self, texts: Sequence[str], *, seconds: float = BULK_SECONDS) -> Matrix:
        """Return ``(len(texts), DIMENSIONS)`` within ``seconds``.

        Raise ``ModelError`` when the model is away.
        """
        ...


class _Process:
    """What this process may do; web processes never load OpenAI's SDK."""

    may_call_out = True


def serve_without_network() -> None:
    """Let this process find local models only: the SDK costs two seconds and 60 MB."""
    _Process.may_call_out = False


def is_hosted(name: str) -> bool:
    """Whether texts leave this machine for the embedder ``name``."""
    return name in OPENAI_MODELS


def find_embedder(name: str) -> Embedder | None:
    """Return the embedder ``name``.

    ``None`` where it is not installed, has no key, may not be used by this process, or where
    there is none of that name.
    """
    if name == LOCAL_MODEL:
        return load_minilm()
    if not is_hosted(name) or not _Process.may_call_out or not key_ring().list_keys():
        return None
    return _openai_embedder(name)


@cache
def _openai_embedder(name: str) -> Embedder:
    # Imported late: web processes read this module and must never load the SDK.
    from llm.embedding_client import OpenAIEmbedder

    return OpenAIEmbedder(name)
