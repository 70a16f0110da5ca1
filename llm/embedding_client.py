"""OpenAI's sentence vectors, for callers in threads; errors of the SDK end here."""

import logging
import random
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import httpx2
import numpy as np
from django.conf import settings
from openai import OpenAI
from openai.types import CreateEmbeddingResponse

from llm.breaker import CircuitBreaker
from llm.connections import DEFAULT_BASE_URL, UPSTREAM_ERRORS, is_loopback, translate_error
from llm.embedding import BULK_SECONDS, DIMENSIONS
from llm.errors import ModelBadRequest, ModelDeadlineExceeded, ModelError, ModelUnavailable
from llm.keys import KeyRing, fingerprint, key_ring
from llm.minilm import Matrix
from llm.recovery import NextStep, choose_recovery, counts_as_outage

# The models read 8,191 tokens of a text and 300,000 of a request, and a token is a byte or more.
MAX_TEXT_BYTES: Final = 8_000
MAX_BATCH_BYTES: Final = 250_000
# The limit is 2,048; a batch of this many is some 2.5 MB of answer.
MAX_BATCH_TEXTS: Final = 512
MAX_RESPONSE_BYTES: Final = 8 * 1024 * 1024

logger = logging.getLogger(__name__)


class OpenAIEmbedder:
    """Asks one of the models `text-embedding-3-*`, with the keys that replies use."""

    def __init__(self, name: str, *, keys: KeyRing | None = None) -> None:
        self.name = name
        self._keys = keys or key_ring()
        self._breaker = CircuitBreaker()

    def embed(self, texts: Sequence[str], *, seconds: float = BULK_SECONDS) -> Matrix:
        """Return one row of length 1 for each text, ``(len(texts), DIMENSIONS)``.

        What is past ``MAX_TEXT_BYTES`` of a text is not sent. Raises `ModelError`.
        """
        deadline = time.monotonic() + seconds
        rows = [self._embed(batch, deadline=deadline) for batch in _batches(map(_cut, texts))]
        return np.concatenate(rows) if rows else np.zeros((0, DIMENSIONS), dtype=np.float32)

    def _embed(self, texts: list[str], *, deadline: float) -> Matrix:
        retried = False
        while True:
            key = self._choose_key()
            try:
                rows = _ask(texts, model=self.name, key=key, deadline=deadline)
            except ModelError as error:
                self._note_failure(error, key=key)
                remaining = deadline - time.monotonic()
                recovery = choose_recovery(error, retried=retried, remaining=remaining)
                if recovery.step is NextStep.NEXT_KEY:
                    self._keys.set_aside(key, error=error)
                    continue
                if recovery.step is not NextStep.RETRY:
                    raise
                retried = True
                time.sleep(random.uniform(*recovery.wait))  # noqa: S311 jitter, no secret
            else:
                self._breaker.record_success()
                return rows

    def _choose_key(self) -> str:
        key = self._keys.find_usable()
        if key is None:
            raise self._keys.get_refusal()
        if not self._breaker.allow():
            raise ModelUnavailable
        return key

    def _note_failure(self, error: ModelError, *, key: str) -> None:
        logger.warning(
            "openai embedding failed: %s model=%s key=%s", error, self.name, fingerprint(key)
        )
        if counts_as_outage(error) or isinstance(error, ModelDeadlineExceeded):
            self._breaker.record_failure()
        else:
            # A refusal is an answer: it ends a probe.
            self._breaker.record_success()


def _ask(texts: list[str], *, model: str, key: str, deadline: float) -> Matrix:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise ModelDeadlineExceeded
    try:
        response = _client(key, settings.OPENAI_BASE_URL or DEFAULT_BASE_URL).embeddings.create(
            input=texts,
            model=model,
            dimensions=DIMENSIONS,
            encoding_format="float",
            timeout=httpx2.Timeout(seconds, connect=min(seconds, settings.OPENAI_CONNECT_SECONDS)),
        )
        return _read(response, count=len(texts))
    except UPSTREAM_ERRORS as error:
        if time.monotonic() >= deadline:
            raise ModelDeadlineExceeded from None
        raise translate_error(error, begun=False) from None


def _read(response: CreateEmbeddingResponse, *, count: int) -> Matrix:
    """Return the rows in the texts' order, scaled to length 1."""
    ordered = sorted(response.data, key=lambda item: item.index)
    rows = np.array([item.embedding for item in ordered], dtype=np.float32)
    # A server that only resembles OpenAI's may not know `dimensions`.
    if rows.shape != (count, DIMENSIONS) or not np.isfinite(rows).all():
        raise ModelBadRequest
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.float32(1e-12)), dtype=np.float32)


def _cut(text: str) -> str:
    """Return what fits the model; never empty, which it would refuse."""
    return text.encode(errors="ignore")[:MAX_TEXT_BYTES].decode(errors="ignore") or " "


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        length = len(text.encode())
        if batch and (len(batch) == MAX_BATCH_TEXTS or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += length
    if batch:
        yield batch


@lru_cache(maxsize=8)
def _client(key: str, base_url: str) -> OpenAI:
    """Return the client of this key; its threads share it."""
    http_client = httpx2.Client(
        # A key follows no redirect, and a local server is not reached through a proxy.
        follow_redirects=False,
        trust_env=not is_loopback(httpx2.URL(base_url).host),
        # The cap counts bytes on the wire: compressed ones could hold a thousand times more.
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_bound_response]},
    )
    return OpenAI(api_key=key, base_url=base_url, max_retries=0, http_client=http_client)


def _bound_response(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.SyncByteStream):
        seconds = response.request.extensions["timeout"]["read"]
        response.stream = _BoundStream(response.stream, deadline=time.monotonic() + seconds)


class _BoundStream(httpx2.SyncByteStream):
    """A body that ends in an error at the cap, or when it drips on past the deadline."""

    def __init__(self, stream: httpx2.SyncByteStream, *, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for part in self._stream:
            size += len(part)
            if size > MAX_RESPONSE_BYTES or time.monotonic() > self._deadline:
                raise httpx2.ReadError("response larger or slower than allowed")
            yield part

    def close(self) -> None:
        self._stream.close()
