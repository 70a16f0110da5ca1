"""Sends a request to a configured address under the rules of ``core.fetching``, and one only.

A redirect is refused: it would carry a body and secrets to whoever the first server names.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpcore2
import httpx2

from core.fetching import (
    DEFAULT_LIMITS,
    REDIRECTS,
    USER_AGENT,
    AddressRefused,
    CheckedBackend,
    Deadline,
    FetchFailed,
    FetchTimedOut,
    FetchTooLarge,
    Limits,
    NotConnected,
    Resolve,
    check_host,
    default_tls,
    parse_url,
    place_of,
    resolve,
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request; header names are the caller's responsibility, their values are checked."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, whatever its status."""

    status: int
    content_type: str
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the server did what it was asked."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


def send(
    request: Outgoing,
    *,
    limits: Limits = DEFAULT_LIMITS,
    resolver: Resolve = resolve,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send ``request`` once; raise ``FetchFailed``.

    ``AddressRefused`` and ``NotConnected`` mean that the server has seen nothing of it.
    """
    deadline = Deadline(limits)
    url = parse_url(request.url)
    host, port = place_of(url)
    try:
        addresses = check_host(host, port, resolver=resolver)
    except AddressRefused:
        raise
    except FetchFailed as error:
        raise NotConnected(error.detail) from error
    backend = CheckedBackend(addresses, deadline=deadline)
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=port, target=url.raw_path)
    try:
        with (
            httpcore2.ConnectionPool(tls or default_tls(), network_backend=backend) as pool,
            pool.stream(
                request.method, target, headers=_headers(request, url), content=request.body
            ) as response,
        ):
            return _read(response, deadline=deadline)
    except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
        raise NotConnected(f"{url.host} could not be reached.") from error
    except httpcore2.TimeoutException as error:
        raise FetchTimedOut from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise FetchFailed(f"{url.host} broke the connection.") from error


def _headers(request: Outgoing, url: httpx2.URL) -> dict[bytes | str, bytes | str]:
    headers: dict[bytes | str, bytes | str] = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        "Content-Length": str(len(request.body)),
    }
    for name, value in request.headers.items():
        headers[name] = value
    return headers


def _read(response: httpcore2.Response, *, deadline: Deadline) -> Answer:
    if response.status in REDIRECTS:
        raise FetchFailed("The server redirects, which is not followed.")
    headers = httpx2.Headers(response.headers)
    body = bytearray()
    for piece in response.iter_stream():
        body += piece
        if len(body) > deadline.limits.max_bytes:
            raise FetchTooLarge(f"It is larger than {deadline.limits.max_bytes:,} bytes.")
    return Answer(response.status, headers.get("content-type", ""), bytes(body))
