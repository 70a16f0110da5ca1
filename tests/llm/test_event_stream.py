"""Server-sent events as servers write them, however the network cuts them."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from openai import APIError, DefaultAioHttpClient

from llm import event_stream
from llm.client import OpenAIEngine
from llm.connections import _cap_response, transport_of
from llm.event_stream import FULL_PART_BYTES, PACE_SECONDS, EventStream
from tests.certificates import make_certificate
from tests.llm.conftest import MakeRequest, collect, join_text
from tests.upstream.server import UpstreamServer

TEXT = "Grüße, 30 Tage"
EVENT = {"choices": [{"delta": {"content": TEXT}}]}
LINE = f"data: {json.dumps(EVENT, ensure_ascii=False)}"
DONE = "data: [DONE]\n\n"


class Body(httpx2.AsyncByteStream):
    """A response's body in these parts."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


def stream_of(parts: Iterable[bytes]) -> EventStream:
    request = httpx2.Request("POST", "http://127.0.0.1/")
    return EventStream(httpx2.Response(200, stream=Body(parts), request=request))


async def read_all(stream: EventStream) -> list[object]:
    found: list[object] = []
    while events := await stream.read(at_pace=False):
        found += events
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
async def test_events_when_they_are_cut_anywhere_are_read_whole(size: int, end: str) -> None:
    body = f"{LINE}\n\n: a comment\n\nevent: x\nid: 7\n{LINE}\n\n{DONE}".replace("\n", end).encode()
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    assert await read_all(stream_of(parts)) == [EVENT, EVENT]


async def test_data_of_several_lines_is_one_event() -> None:
    body = b'data: {"choices":\ndata:[]}\n\n'
    assert await read_all(stream_of([body])) == [{"choices": []}]


async def test_nothing_is_read_past_the_end_mark() -> None:
    assert await read_all(stream_of([f"{LINE}\n\n{DONE}{LINE}\n\n".encode()])) == [EVENT]


async def test_event_without_its_end_is_not_read() -> None:
    assert await read_all(stream_of([f"{LINE}\n".encode()])) == []


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (b"data: {no json\n\n", ValueError),
        (b"data: [1]\n\n", ValueError),
        (b"data: " + b"[" * 100_000 + b"\n\n", ValueError),
        (b'data: "\xff"\n\n', UnicodeDecodeError),
        (b'data: {"error": {"message": "no", "code": "rate_limit_exceeded"}}\n\n', APIError),
        (b'data: {"error": "no"}\n\n', APIError),
    ],
)
async def test_what_came_before_a_wrong_event_is_handed_out_first(
    wrong: bytes, error: type[Exception]
) -> None:
    stream = stream_of([f"{LINE}\n\n".encode() + wrong])
    assert await stream.read(at_pace=False) == [EVENT]
    with pytest.raises(error):
        await stream.read(at_pace=False)


async def test_events_are_awaited_one_by_one_until_a_pace_is_wanted() -> None:
    parts = [f"{LINE}\n\n".encode()] * 3
    stream = stream_of(parts)
    began = time.monotonic()
    assert [len(await stream.read(at_pace=False)) for _ in parts] == [1, 1, 1]
    assert time.monotonic() - began < PACE_SECONDS


async def test_a_reader_at_pace_looks_no_oftener() -> None:
    stream = stream_of([f"{LINE}\n\n".encode()] * 3)
    began = time.monotonic()
    await stream.read(at_pace=False)
    await stream.read(at_pace=True)
    await stream.read(at_pace=True)
    assert time.monotonic() - began >= 2 * PACE_SECONDS


class Watched:
    """A transport that tells what it was told."""

    def __init__(self, transport: asyncio.ReadTransport) -> None:
        self.transport = transport
        self.seconds: list[float] = []

    def is_reading(self) -> bool:
        return self.transport.is_reading()

    def pause_reading(self) -> None:
        self.transport.pause_reading()
        self.seconds.append(-time.monotonic())

    def resume_reading(self) -> None:
        assert not self.transport.is_reading()
        self.seconds[-1] += time.monotonic()
        self.transport.resume_reading()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Watched]:
    """Return a list that gets what each look holds up."""
    found: list[Watched] = []

    def watch(response: httpx2.Response) -> Watched:
        transport = transport_of(response)
        assert transport is not None
        found.append(Watched(transport))
        return found[-1]

    monkeypatch.setattr(event_stream, "transport_of", watch)
    return found


async def test_connection_is_not_read_between_two_looks(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    watched: list[Watched],
) -> None:
    text = "Parcels arrive in three days. " * 10
    upstream.behave(text=text, tokens_per_s=100)
    assert join_text(await collect(engine, make_request())) == text
    # For each of its fifty words it would have been fifty.
    assert 2 <= len(watched) <= 25
    assert max(sum(one.seconds) for one in watched) > 0.5 * PACE_SECONDS
    assert all(one.is_reading() for one in watched)


async def test_connection_that_was_held_serves_the_next_request(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    watched: list[Watched],
) -> None:
    upstream.behave(text="Parcels arrive in three days. " * 4, tokens_per_s=100)
    first = await collect(engine, make_request())
    looks = len(watched)
    second = await collect(engine, make_request())
    assert join_text(first) == join_text(second)
    assert len(watched) > looks > 0
    assert len({one.transport for one in watched}) == 1


async def test_more_than_the_sdk_hands_over_at_once_is_read_without_a_wait() -> None:
    big = json.dumps({"choices": [], "x": "y" * FULL_PART_BYTES})
    stream = stream_of([f"data: {big}\n\n".encode(), f"{LINE}\n\n".encode()])
    await stream.read(at_pace=True)
    began = time.monotonic()
    assert await stream.read(at_pace=True) == [EVENT]
    assert time.monotonic() - began < PACE_SECONDS / 2


async def test_connection_over_tls_is_held_below_tls(tmp_path: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(make_certificate(tmp_path, name="127.0.0.1"))

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(3):
            await response.write(b"data: {}\n\n")
            await asyncio.sleep(0.05)
        return response

    app = web.Application()
    app.router.add_get("/", stream)
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=tls)
    hooks = {"response": [_cap_response]}
    async with (
        DefaultAioHttpClient(verify=False, event_hooks=hooks) as client,
        client.stream("GET", str(server.make_url("/"))) as response,
    ):
        transport = transport_of(response)
        assert isinstance(transport, asyncio.Transport)
        assert transport.get_extra_info("sslcontext") is None
        transport.pause_reading()
        assert not transport.is_reading()
        transport.resume_reading()
        assert await response.aread() == b"data: {}\n\n" * 3
    await server.close()
