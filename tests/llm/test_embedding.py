"""OpenAI's sentence vectors against a local server, and which embedder a name finds."""

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from django.conf import settings as django_settings
from jsonschema import Draft4Validator
from pytest_django import Settings

from llm import embedding, embedding_client, minilm
from llm.embedding import DIMENSIONS, find_embedder
from llm.embedding_client import OpenAIEmbedder
from llm.errors import (
    ModelBadRequest,
    ModelDeadlineExceeded,
    ModelError,
    ModelKeyRejected,
    ModelUnavailable,
)
from llm.keys import KeyRing
from llm.minilm import Matrix
from tests.llm.test_payload import PUBLISHED_SCHEMA
from tests.upstream.server import UpstreamServer

SMALL = "text-embedding-3-small"


@pytest.fixture
def embedder(upstream: UpstreamServer) -> OpenAIEmbedder:
    """Return an embedder that shares no key and no breaker with other tests."""
    embedding_client._client.cache_clear()
    return OpenAIEmbedder(SMALL, keys=KeyRing())


async def embed(embedder: OpenAIEmbedder, *texts: str, seconds: float = 20.0) -> Matrix:
    return await asyncio.to_thread(embedder.embed, texts, seconds=seconds)


def bodies(upstream: UpstreamServer) -> list[dict[str, Any]]:
    return [request["body"] for request in upstream.requests]


async def test_rows_have_length_one_and_follow_the_texts(
    upstream: UpstreamServer, embedder: OpenAIEmbedder
) -> None:
    rows = await embed(embedder, "Boots", "Parcels", "Boots", "")
    assert (rows.shape, rows.dtype) == ((4, DIMENSIONS), np.float32)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1, 1, 1, 1], abs=1e-6)
    assert (rows[0] == rows[2]).all()
    assert (rows[0] != rows[1]).any()
    assert (await embed(embedder)).shape == (0, DIMENSIONS)
    assert [request["errors"] for request in upstream.requests] == [[]]


async def test_request_holds_what_the_published_document_allows(
    upstream: UpstreamServer, embedder: OpenAIEmbedder
) -> None:
    await embed(embedder, "Boots", "")
    expected = {
        "input": ["Boots", " "],
        "model": SMALL,
        "dimensions": DIMENSIONS,
        "encoding_format": "float",
    }
    assert bodies(upstream) == [expected]
    if not PUBLISHED_SCHEMA.exists():
        return
    document = json.loads(PUBLISHED_SCHEMA.read_text(encoding="utf-8"))
    schema = {"$ref": "#/components/schemas/CreateEmbeddingRequest", **document}
    assert list(Draft4Validator(schema).iter_errors(expected)) == []
    assert list(Draft4Validator(schema).iter_errors({"model": SMALL}))


async def test_texts_are_cut_and_batched_within_the_limits(
    upstream: UpstreamServer, embedder: OpenAIEmbedder
) -> None:
    rows = await embed(embedder, "é" * 9_000, *["x" * 7_000] * 40, *["y"] * 600)
    inputs = [body["input"] for body in bodies(upstream)]
    assert len(rows) == sum(map(len, inputs)) == 641
    assert inputs[0][0] == "é" * 4_000
    for texts in inputs:
        assert len(texts) <= embedding_client.MAX_BATCH_TEXTS
        assert sum(len(text.encode()) for text in texts) <= embedding_client.MAX_BATCH_BYTES
    assert len(inputs) == 3


@pytest.mark.parametrize("mode", ["500", "429", "429_retry_after"])
async def test_request_is_repeated_once_when_it_may_work_later(
    upstream: UpstreamServer, embedder: OpenAIEmbedder, mode: str
) -> None:
    upstream.behave(mode, count=1, retry_after="0")
    assert len(await embed(embedder, "Boots")) == 1
    assert len(upstream.requests) == 2


async def test_next_key_is_used_when_one_is_rejected(
    upstream: UpstreamServer, embedder: OpenAIEmbedder, settings: Settings
) -> None:
    settings.OPENAI_API_KEY = "bad,good"
    upstream.behave("401", key="bad")
    await embed(embedder, "Boots")
    await embed(embedder, "Parcels")
    assert [request["key"] for request in upstream.requests] == ["bad", "good", "good"]


@pytest.mark.parametrize(
    ("mode", "error"),
    [("401", ModelKeyRejected), ("400", ModelBadRequest), ("500", ModelUnavailable)],
)
async def test_error_is_ours_and_tells_nothing_of_the_body(
    upstream: UpstreamServer,
    embedder: OpenAIEmbedder,
    caplog: pytest.LogCaptureFixture,
    mode: str,
    error: type[ModelError],
) -> None:
    upstream.behave(mode)
    with caplog.at_level(logging.DEBUG), pytest.raises(error) as caught:
        await embed(embedder, "Boots")
    assert caught.value.__cause__ is None
    assert "SECRET-BODY-TEXT" not in caplog.text
    assert "key-one" not in caplog.text


async def test_vectors_of_another_size_are_refused(
    upstream: UpstreamServer, embedder: OpenAIEmbedder
) -> None:
    upstream.behave("short_vectors")
    with pytest.raises(ModelBadRequest):
        await embed(embedder, "Boots")


async def test_question_does_not_wait_past_its_deadline(
    upstream: UpstreamServer, embedder: OpenAIEmbedder
) -> None:
    upstream.behave("hang")
    started = time.monotonic()
    with pytest.raises(ModelDeadlineExceeded):
        await embed(embedder, "Boots", seconds=0.3)
    assert time.monotonic() - started < 3


async def test_failing_server_is_left_alone_for_a_while(
    upstream: UpstreamServer, embedder: OpenAIEmbedder
) -> None:
    upstream.behave("500")
    for _ in range(12):
        with pytest.raises(ModelUnavailable):
            await embed(embedder, "Boots", seconds=2.0)
    assert len(upstream.requests) < 12


def test_openai_embedder_is_found_with_a_key_outside_web_processes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding._Process, "may_call_out", True)
    settings.OPENAI_API_KEY = settings.OPENAI_API_KEY_FILE = ""
    assert find_embedder(SMALL) is None
    settings.OPENAI_API_KEY = "key-one"
    found = find_embedder(SMALL)
    assert found is not None
    assert found.name == SMALL
    assert find_embedder("text-embedding-ada-002") is None
    embedding.serve_without_network()
    assert find_embedder(SMALL) is None


def test_web_process_finds_no_openai_embedder() -> None:
    code = (
        "import sys, supportbot.asgi\n"
        "from llm.embedding import find_embedder\n"
        f"assert find_embedder({SMALL!r}) is None\n"
        "assert 'openai' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=django_settings.BASE_DIR,
        env={**os.environ, "OPENAI_API_KEY": "key-one"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_missing_local_model_is_none_and_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package")
    minilm.load_minilm.cache_clear()
    try:
        assert find_embedder(minilm.NAME) is None
        assert find_embedder(minilm.NAME) is None
    finally:
        minilm.load_minilm.cache_clear()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "words only" in caplog.text
