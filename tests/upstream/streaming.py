"""One streamed chat completion, told well or cut, garbled or stalled in the middle."""

import asyncio
import json
from typing import Any

from aiohttp import web

from tests.upstream import replies
from tests.upstream.behaviours import Behaviour

FINISH_REASONS = {"length": "length", "filtered": "content_filter"}
SLOW_TOKENS_PER_SECOND = 5.0


class Stream:
    """Writes the server-sent events of one request."""

    def __init__(self, request: web.Request, *, body: dict[str, Any], behaviour: Behaviour) -> None:
        self._request = request
        self._body = body
        self._model: str = body["model"]
        self._behaviour = behaviour
        self._response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})

    async def send(self) -> web.StreamResponse:
        """Send the reply as the behaviour says."""
        await self._response.prepare(self._request)
        await asyncio.sleep(self._behaviour.ttft_ms / 1000)
        await self._send_delta({"role": "assistant", "content": ""})
        mode = self._behaviour.mode
        if mode in {"tool_call", "bad_json"}:
            await self._send_tool_call(broken=mode == "bad_json")
        elif mode == "empty":
            await self._send_end("stop", answer="")
        else:
            await self._send_text()
        return self._response

    async def _send_text(self) -> None:
        text = replies.choose_reply(self._behaviour, body=self._body)
        pieces = replies.split_tokens(text, piece=self._behaviour.piece)
        for number, token in enumerate(pieces):
            if number == self._behaviour.cut_after and not await self._misbehave():
                return
            await self._send_delta({"content": token})
            await self._pause()
        await self._send_end(FINISH_REASONS.get(self._behaviour.mode, "stop"), answer=text)

    async def _send_tool_call(self, *, broken: bool) -> None:
        arguments = json.dumps(self._behaviour.arguments)
        if broken:
            arguments = arguments[:-2]
        function = {"name": self._behaviour.tool, "arguments": ""}
        head = {"index": 0, "id": "call_local", "type": "function", "function": function}
        await self._send_delta({"tool_calls": [head]})
        for start in range(0, len(arguments), 7):
            piece = {"arguments": arguments[start : start + 7]}
            await self._send_delta({"tool_calls": [{"index": 0, "function": piece}]})
        await self._send_end("tool_calls", answer=arguments)

    async def _send_end(self, reason: str, *, answer: str) -> None:
        chunk = replies.make_chunk(self._model, delta={}, finish=reason)
        await self._write(replies.encode_event(chunk))
        if self._behaviour.mode == "late_cut":
            self._abort()
        elif (self._body.get("stream_options") or {}).get("include_usage"):
            prompt = " ".join(message["content"] for message in self._body["messages"])
            usage = replies.make_usage_chunk(self._model, prompt=prompt, answer=answer)
            await self._write(replies.encode_event(usage))
        if self._behaviour.mode not in {"no_done", "late_cut"}:
            await self._write(b"data: [DONE]\n\n")

    async def _misbehave(self) -> bool:
        """Do what a broken upstream does in mid-stream; return whether the stream goes on."""
        mode = self._behaviour.mode
        if mode == "cut":
            self._abort()
            return False
        if mode == "stall":
            await asyncio.Event().wait()
        if mode == "huge_line":
            await self._send_huge_line()
        if mode in BROKEN_LINES:
            await self._write(BROKEN_LINES[mode])
        return mode not in {"cut_clean", "huge_line", *BROKEN_LINES}

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    async def _send_huge_line(self) -> None:
        await self._write(b'data: {"choices": "')
        block = b"x" * 65_536
        for _ in range(self._behaviour.size // len(block)):
            await self._write(block)

    async def _send_delta(self, delta: dict[str, Any]) -> None:
        logprob = self._behaviour.logprob if self._body.get("logprobs") else None
        chunk = replies.make_chunk(self._model, delta=delta, logprob=logprob)
        await self._write(replies.encode_event(chunk))

    async def _pause(self) -> None:
        rate = self._behaviour.tokens_per_s
        if self._behaviour.mode == "slow":
            rate = rate or SLOW_TOKENS_PER_SECOND
        if rate:
            await asyncio.sleep(1 / rate)

    async def _write(self, data: bytes) -> None:
        await self._response.write(data)


BROKEN_LINES = {
    "garbage": b"data: {this is not JSON SECRET-BODY-TEXT\n\n",
    "bad_utf8": b'data: {"choices": "\xff\xfe"}\n\n',
    "bad_chunk": b'data: {"choices": [{"delta": "SECRET-BODY-TEXT"}]}\n\n',
    "html": b"<html><body>502 Bad Gateway SECRET-BODY-TEXT</body></html>\n\n",
    "error_event": b'data: {"error": {"message": "SECRET-BODY-TEXT", "type": "server_error"}}\n\n',
}
