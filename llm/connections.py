"""Connections to the upstream, bounded; and what its errors mean.

Errors of the SDK end here. What leaves is a `ModelError`, raised `from None`: the text of the
SDK's errors holds the upstream's body, and a traceback would print it.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator
from weakref import WeakKeyDictionary

import aiohttp
import httpx2
from django.conf import settings
from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    AsyncOpenAI,
    DefaultAioHttpClient,
)
from openai import OpenAIError as SdkError

from llm.errors import ModelError, ModelStreamBroken, ModelUnavailable
from llm.translation import Refusal, translate_refusal

DEFAULT_BASE_URL = "https://api.openai.com/v1"
# An answer of 800 tokens takes about 250 kB on the wire, most of it the chunks' JSON.
MAX_RESPONSE_BYTES = 2 * 1024 * 1024
# More streams than a worker writes at once: none waits for another's connection.
MAX_CONNECTIONS = 1_000

# Bad lines raise JSONDecodeError, bad UTF-8 UnicodeDecodeError (both ValueError), and chunks of
# an unexpected shape the last three: the SDK builds its objects without validation.
UPSTREAM_ERRORS = (
    SdkError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.StreamError,
    aiohttp.ClientError,
    ValueError,
    AttributeError,
    TypeError,
    IndexError,
)

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], AsyncOpenAI]] = (
    WeakKeyDictionary()
)


async def close_clients() -> None:
    """Close the connections that the running event loop holds."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


def get_client(key: str) -> AsyncOpenAI:
    """Return the client of this key and event loop: its connections can't cross loops."""
    base_url = settings.OPENAI_BASE_URL or DEFAULT_BASE_URL
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if (key, base_url) not in clients:
        clients[key, base_url] = AsyncOpenAI(
            api_key=key, base_url=base_url, max_retries=0, http_client=_make_http_client(base_url)
        )
    return clients[key, base_url]


def _make_http_client(base_url: str) -> httpx2.AsyncClient:
    # On aiohttp, which reads a stream at a third of the cost, and all that came at once.
    return DefaultAioHttpClient(
        limits=httpx2.Limits(max_connections=MAX_CONNECTIONS),
        # A key follows no redirect, and a local server is not reached through a proxy.
        follow_redirects=False,
        trust_env=not is_loopback(httpx2.URL(base_url).host),
        # The cap counts bytes on the wire: compressed ones could hold a thousand times more.
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_cap_response]},
    )


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine: such a server is not reached through a proxy."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def timeout(*, read: float) -> httpx2.Timeout:
    """Return the SDK's bounds in seconds; the total is the caller's."""
    return httpx2.Timeout(read, connect=settings.OPENAI_CONNECT_SECONDS)


async def _cap_response(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _CappedStream(response.stream)


class _CappedStream(httpx2.AsyncByteStream):
    """A response body that ends in an error at the cap: the SDK reads a line of any length."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream
        # Two layers below, and not public: without it a stream costs more to read, no more.
        self.source = getattr(getattr(stream, "_stream", None), "_aiohttp_response", None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > MAX_RESPONSE_BYTES:
                raise httpx2.ReadError("response larger than the cap")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def transport_of(response: httpx2.Response) -> asyncio.ReadTransport | None:
    """Return what a response that is not yet whole is read from, if that can be told to wait."""
    source = getattr(response.stream, "source", None)
    connection = source.connection if isinstance(source, aiohttp.ClientResponse) else None
    transport = connection.transport if connection is not None else None
    # Below TLS, whose own transport would go on to take in what comes.
    secured = getattr(transport, "_ssl_protocol", None)
    transport = transport if secured is None else getattr(secured, "_transport", None)
    return transport if isinstance(transport, asyncio.ReadTransport) else None


def translate_error(error: Exception, *, begun: bool) -> ModelError:
    """Return what one of `UPSTREAM_ERRORS` means; `begun`: part of the answer was there."""
    if isinstance(error, APIStatusError):
        return translate_refusal(
            Refusal(
                status=error.status_code,
                code=str(error.code or ""),
                message=error.message,
                param=str(error.param or ""),
                retry_after=error.response.headers.get("retry-after"),
                request_id=error.request_id,
            )
        )
    if isinstance(error, APIConnectionError | httpx2.HTTPError | aiohttp.ClientError):
        return ModelStreamBroken() if begun else ModelUnavailable()
    if isinstance(error, APIError):
        code = str(error.code or "")
        return translate_refusal(Refusal(status=None, code=code, message=error.message))
    return ModelStreamBroken()
