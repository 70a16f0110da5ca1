"""The proxy makes the faults that it says, and otherwise none."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.chaos.proxy import Proxy


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(1_000):
        writer.write(block)
        await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with Proxy(server.sockets[0].getsockname()[1]) as made:
        yield made
    server.close()


async def heard(reader: asyncio.StreamReader, *, seconds: float = 5) -> bytes:
    async with asyncio.timeout(seconds):
        return await reader.read(1_000)


async def test_proxy_passes_everything_on_and_the_end_too(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello")
    assert await heard(reader) == b"hello"
    writer.write_eof()
    assert await heard(reader) == b""
    writer.close()


async def test_proxy_when_paused_holds_and_then_passes(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    proxy.pause()
    writer.write(b"hello")
    with pytest.raises(TimeoutError):
        await heard(reader, seconds=0.2)
    proxy.resume()
    assert await heard(reader) == b"hello"
    writer.close()


async def test_proxy_when_reset_breaks_what_is_there(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello")
    assert await heard(reader) == b"hello"
    assert proxy.reset() == 1
    with pytest.raises(ConnectionResetError):
        await heard(reader)
    writer.close()


async def test_proxy_when_it_refuses_lets_nothing_new_in(proxy: Proxy) -> None:
    proxy.refuse()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    with pytest.raises(ConnectionResetError):
        await heard(reader)
    writer.close()
    proxy.resume()
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(b"hello")
    assert await heard(reader) == b"hello"
    writer.close()
