"""The local upstream itself: what other tests rely on."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.upstream.behaviours import MODES
from tests.upstream.server import UpstreamServer, serve_upstream

CHAT = {"model": "m", "messages": [{"role": "user", "content": "Do boots float?"}]}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[UpstreamServer]:
    async with serve_upstream() as running:
        yield running


@pytest_asyncio.fixture
async def client(server: UpstreamServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.base_url.removesuffix("v1")) as session:
        yield session


async def post(client: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    async with client.post(path, json=body) as response:
        return response.status, await response.json()


async def test_behaviour_is_used_as_often_as_it_was_ordered(client: aiohttp.ClientSession) -> None:
    await post(client, "control", {"mode": "500", "count": 2})
    await post(client, "control", {"text": "Yes."})
    answers = [await post(client, "v1/chat/completions", CHAT) for _ in range(3)]
    assert [status for status, _ in answers] == [500, 500, 200]
    assert answers[2][1]["choices"][0]["message"]["content"] == "Yes."
    await post(client, "control", {"reset": True})
    assert (await post(client, "v1/chat/completions", CHAT))[0] == 200


async def test_behaviour_is_kept_for_the_requests_it_names(client: aiohttp.ClientSession) -> None:
    await post(client, "control", {"mode": "401", "key": "bad"})
    await post(client, "control", {"mode": "500", "contains": "boots"})
    assert (await post(client, "v1/chat/completions", CHAT))[0] == 500
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    assert (await post(client, "v1/chat/completions", body))[0] == 200
    headers = {"Authorization": "Bearer bad"}
    async with client.post("v1/chat/completions", json=body, headers=headers) as response:
        assert response.status == 401


@pytest.mark.parametrize("body", [{"mode": "nonsense"}, {"mode": "500", "conut": 2}])
async def test_unknown_behaviour_is_refused(
    client: aiohttp.ClientSession, body: dict[str, Any]
) -> None:
    assert (await post(client, "control", body))[0] == 400


async def test_answer_is_a_quote_from_the_prompt(client: aiohttp.ClientSession) -> None:
    messages = [
        {"role": "system", "content": "Of boots that float say little."},
        {"role": "user", "content": "Coats are warm. Boots float on water. Be brief."},
        *CHAT["messages"],
    ]
    _, body = await post(client, "v1/chat/completions", {**CHAT, "messages": messages})
    assert body["choices"][0]["message"]["content"] == "Boots float on water."


async def test_question_is_told_from_the_passages_beside_it(client: aiohttp.ClientSession) -> None:
    asked = "Boots float on water.\n<question>\nDo boots float today?\n</question>"
    body = {**CHAT, "messages": [{"role": "user", "content": asked}]}
    _, answer = await post(client, "v1/chat/completions", body)
    assert answer["choices"][0]["message"]["content"] == "Boots float on water."
    await post(client, "control", {"mode": "500", "contains": "water"})
    assert (await post(client, "v1/chat/completions", body))[0] == 200


async def test_requests_are_kept_with_what_is_wrong_with_them(
    client: aiohttp.ClientSession,
) -> None:
    await post(client, "v1/chat/completions", CHAT)
    await post(client, "v1/chat/completions", {**CHAT, "stream_options": {}, "temprature": 1})
    await post(client, "v1/moderations", {"input": "text"})
    await post(client, "v1/embeddings", {"input": ["a", "b"], "model": "e"})
    async with client.get("requests") as response:
        kept = await response.json()
    assert [request["kind"] for request in kept] == ["chat", "chat", "moderation", "embedding"]
    assert [bool(request["errors"]) for request in kept] == [False, True, False, False]


async def test_embedding_depends_on_the_text_alone(client: aiohttp.ClientSession) -> None:
    body = {"input": ["a", "b", "a"], "model": "e"}
    _, answer = await post(client, "v1/embeddings", body)
    first, second, third = [item["embedding"] for item in answer["data"]]
    assert first == third != second


async def test_stream_ends_with_usage_and_done(client: aiohttp.ClientSession) -> None:
    body = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    async with client.post("v1/chat/completions", json=body) as response:
        lines = [line for line in (await response.text()).splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    assert json.loads(lines[-2].removeprefix("data: "))["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("mode", sorted(MODES - {"hang", "stall", "slow"}))
async def test_every_mode_ends(client: aiohttp.ClientSession, mode: str) -> None:
    await post(client, "control", {"mode": mode, "text": "a b c d", "size": 100_000})
    async with asyncio.timeout(10):
        try:
            body = {**CHAT, "stream": True}
            async with client.post("v1/chat/completions", json=body) as response:
                assert await response.read()
        except aiohttp.ClientPayloadError:
            assert mode in {"cut", "late_cut"}
