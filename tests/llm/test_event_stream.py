"""Server-sent events as servers write them, however the network cuts them."""

import json
import time
from collections.abc import AsyncIterator, Iterable

import httpx2
import pytest
from openai import APIError

from llm.event_stream import PACE_SECONDS, EventStream

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
