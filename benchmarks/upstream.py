"""A server that streams as OpenAI does, at a pace that the harness sets.

Run it as `python -m benchmarks.upstream --port 8099`; `POST /pace` takes the fields of `Pace`.
The first words of each answer say when its request had been read, and when they were written.
"""

import argparse
import asyncio
import itertools
import json
import re
import time
from dataclasses import dataclass
from typing import Any

import uvloop
from aiohttp import web

from benchmarks.stamps import Stamps

FILLER = ["The", "answer", "is", "as", "long", "as", "the", "others."]
EVENT = (
    'data: {{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":{created},'
    '"model":"{model}","service_tier":"default","system_fingerprint":"fp_bench",'
    '"choices":[{{"index":0,"delta":{delta},"logprobs":{logprobs},"finish_reason":{finish}}}],'
    '"usage":null}}\n\n'
)
VERDICT = (
    '{"needs_human":false,"reason":"","detail":"","language":"en","answer":"',
    '","citations":["1"],"confidence":0.9}',
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How an answer is streamed; ``per_second`` 0: as fast as it goes."""

    first_after: float = 0.2
    per_second: float = 50.0
    tokens: int = 120


class Upstream:
    """The pace in force and the handlers."""

    def __init__(self) -> None:
        self.pace = Pace()

    def make_app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self.handle_chat),
                web.post("/v1/moderations", self.handle_moderation),
                web.get("/v1/models", self.handle_models),
                web.post("/pace", self.handle_pace),
            ]
        )
        return app

    async def handle_pace(self, request: web.Request) -> web.Response:
        """Set how answers are streamed from now on."""
        self.pace = Pace(**await request.json())
        return web.json_response({})

    async def handle_models(self, _request: web.Request) -> web.Response:
        """Name a model."""
        return web.json_response({"object": "list", "data": [{"id": "bench", "object": "model"}]})

    async def handle_moderation(self, request: web.Request) -> web.Response:
        """Flag nothing."""
        asked = (await request.json())["input"]
        texts = asked if isinstance(asked, list) else [asked]
        verdict = {"flagged": False, "categories": {}, "category_scores": {}}
        results = [verdict] * len(texts)
        return web.json_response({"id": "modr", "model": "bench", "results": results})

    async def handle_chat(self, request: web.Request) -> web.StreamResponse:
        """Stream an answer, or give a short one whole."""
        body = await request.json()
        read = time.monotonic()
        if not body.get("stream"):
            return web.json_response(_completion(body))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await self._stream(response, body, read=read)
        return response

    async def _stream(
        self, response: web.StreamResponse, body: dict[str, Any], *, read: float
    ) -> None:
        pace = self.pace
        before, after = VERDICT if body.get("response_format") else ("", "")
        words = answer_words(body["messages"], count=pace.tokens - 1)
        await _sleep_until(read + pace.first_after)
        await response.write(_event(body, {"role": "assistant", "content": ""}))
        stamps = Stamps(read=read, written=time.monotonic())
        await response.write(_event(body, {"content": f"{before}{stamps}"}))
        for number, word in enumerate(words, 1):
            await _sleep_until(read + pace.first_after + number / (pace.per_second or 1e9))
            await response.write(_event(body, {"content": f" {word}"}))
        if after:
            await response.write(_event(body, {"content": after}))
        await response.write(_event(body, {}, finish="stop") + _tail(body, pace.tokens))


def answer_words(messages: list[dict[str, Any]], *, count: int) -> list[str]:
    """Return so many words: those of the prompt's passages, which any guard lets pass."""
    asked = [str(one["content"]) for one in messages if one["role"] != "system"]
    sentences = [
        sentence.strip()
        for text in asked
        for sentence in re.split(r"(?<=[.!?])\s+|\n+", text)
        # Headings, questions and what is no prose are left out.
        if re.fullmatch(r"[A-Z][\w ,'-]{30,}\.", sentence.strip())
    ]
    words = " ".join(sentences).split() or FILLER
    return list(itertools.islice(itertools.cycle(words), count))


def _event(body: dict[str, Any], delta: dict[str, str], *, finish: str = "") -> bytes:
    token = {"token": delta.get("content", ""), "logprob": -0.1, "bytes": None, "top_logprobs": []}
    logprobs = {"content": [token], "refusal": None} if body.get("logprobs") and delta else None
    return EVENT.format(
        created=int(time.time()),
        model=body["model"],
        delta=json.dumps(delta),
        logprobs=json.dumps(logprobs),
        finish=json.dumps(finish or None),
    ).encode()


def _tail(body: dict[str, Any], tokens: int) -> bytes:
    usage = {"prompt_tokens": 900, "completion_tokens": tokens, "total_tokens": 900 + tokens}
    chunk = {"id": "chatcmpl-bench", "model": body["model"], "choices": [], "usage": usage}
    wanted = (body.get("stream_options") or {}).get("include_usage")
    return (f"data: {json.dumps(chunk)}\n\n" if wanted else "").encode() + b"data: [DONE]\n\n"


def _completion(body: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}}
    return {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": body["model"],
        "choices": [choice | {"finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
    }


async def _sleep_until(due: float) -> None:
    left = due - time.monotonic()
    if left > 0:
        await asyncio.sleep(left)


async def _main(port: int) -> None:
    runner = web.AppRunner(Upstream().make_app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A server that streams at a set pace.")
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(_main(parser.parse_args().port))
