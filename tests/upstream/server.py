"""A local server that speaks the OpenAI protocol and misbehaves when told to.

Run it as `python -m tests.upstream.server --port 8099`. `POST /control` takes the fields of
`Behaviour`, or `{"reset": true}`; `GET /requests` returns what was received and what was wrong
with it.
"""

import argparse
import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.upstream import replies
from tests.upstream.behaviours import Behaviour, BehaviourQueue, parse_behaviour
from tests.upstream.streaming import Stream
from tests.upstream.validation import find_errors

logger = logging.getLogger(__name__)


class UpstreamServer:
    """The server's state and its handlers.

    `requests` holds what was received; `left` is set once a client left in mid-stream.
    """

    def __init__(self) -> None:
        self.behaviours = BehaviourQueue()
        self.requests: list[dict[str, Any]] = []
        self.left = asyncio.Event()
        self.base_url = ""

    def behave(self, mode: str = "stream", **fields: Any) -> None:
        """Put a behaviour in force, as `POST /control` does."""
        self.behaviours.add(parse_behaviour({"mode": mode, **fields}))

    def reset(self) -> None:
        """Forget all behaviours and requests."""
        self.behaviours.clear()
        self.requests.clear()

    def make_app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self.handle_chat),
                web.post("/v1/moderations", self.handle_moderation),
                web.post("/v1/embeddings", self.handle_embedding),
                web.get("/v1/models", self.handle_models),
                web.post("/control", self.handle_control),
                web.get("/requests", self.handle_requests),
            ]
        )
        return app

    async def handle_control(self, request: web.Request) -> web.Response:
        """Set the behaviour of requests to come."""
        data = await request.json()
        if data.pop("reset", False):
            self.reset()
        try:
            if data:
                self.behaviours.add(parse_behaviour(data))
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"ok": True})

    async def handle_requests(self, _request: web.Request) -> web.Response:
        """Return everything received so far."""
        return web.json_response(self.requests)

    async def handle_models(self, _request: web.Request) -> web.Response:
        """List the models."""
        return web.json_response(replies.make_models())

    async def handle_chat(self, request: web.Request) -> web.StreamResponse:
        """Answer a chat completion as the behaviour in force says."""
        body = await request.json()
        text = replies.last_user_text(body.get("messages", []))
        behaviour = self._receive(request, kind="chat", body=body, text=text)
        if refusal := await _refuse(behaviour):
            return refusal
        if error := replies.make_refusal(behaviour, body=body):
            return web.json_response(error, status=400)
        if body.get("stream"):
            return await self._stream(Stream(request, body=body, behaviour=behaviour))
        answer = replies.choose_reply(behaviour, body=body)
        return web.json_response(replies.make_completion(body["model"], prompt=text, answer=answer))

    async def handle_moderation(self, request: web.Request) -> web.StreamResponse:
        """Flag what the behaviour in force says."""
        body = await request.json()
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        behaviour = self._receive(request, kind="moderation", body=body, text="\n".join(texts))
        if refusal := await _refuse(behaviour):
            return refusal
        model = body.get("model", "omni-moderation-latest")
        return web.json_response(replies.make_moderation(model, texts=texts, behaviour=behaviour))

    async def handle_embedding(self, request: web.Request) -> web.StreamResponse:
        """Return vectors that depend on the texts alone."""
        body = await request.json()
        texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
        behaviour = self._receive(request, kind="embedding", body=body, text=texts[0])
        if refusal := await _refuse(behaviour):
            return refusal
        # As a server that does not know `dimensions`.
        size = 8 if behaviour.mode == "short_vectors" else None
        size = size or body.get("dimensions", replies.EMBEDDING_SIZE)
        return web.json_response(replies.make_embeddings(body["model"], texts=texts, size=size))

    async def _stream(self, stream: Stream) -> web.StreamResponse:
        try:
            return await stream.send()
        except (asyncio.CancelledError, ConnectionResetError):
            self.left.set()
            raise

    def _receive(
        self, request: web.Request, *, kind: str, body: dict[str, Any], text: str
    ) -> Behaviour:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        errors = find_errors(kind, body=body)
        self.requests.append(
            {"path": request.path, "kind": kind, "key": key, "body": body, "errors": errors}
        )
        return self.behaviours.take(key=key, model=str(body.get("model")), text=text)


@asynccontextmanager
async def serve_upstream(*, port: int = 0) -> AsyncIterator[UpstreamServer]:
    """Run the server on loopback within this event loop; `base_url` says where."""
    server = UpstreamServer()
    # A handler that hangs on purpose must not hold up the end of a test.
    runner = web.AppRunner(server.make_app(), shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    host, bound = runner.addresses[0][:2]
    server.base_url = f"http://{host}:{bound}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


async def _refuse(behaviour: Behaviour) -> web.Response | None:
    if behaviour.mode == "hang":
        await asyncio.Event().wait()
    if behaviour.mode not in replies.ERRORS:
        return None
    status, body = replies.make_error(behaviour.mode)
    headers = {"x-request-id": "req-local"}
    if behaviour.mode == "429_retry_after":
        headers["Retry-After"] = behaviour.retry_after
    return web.json_response(body, status=status, headers=headers)


async def _main(port: int) -> None:
    async with serve_upstream(port=port) as server:
        logger.info("listening on %s", server.base_url)
        await asyncio.Event().wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    parser = argparse.ArgumentParser(description="A local server that speaks the OpenAI protocol.")
    parser.add_argument("--port", type=int, default=8099)
    try:
        asyncio.run(_main(parser.parse_args().port))
    except KeyboardInterrupt:
        logger.info("stopped")
