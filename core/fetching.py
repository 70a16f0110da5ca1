"""The one way to fetch an address that a person or a page gave: it never reaches inwards.

A host is resolved once, all its addresses must be public, and the connection goes to one of
those very addresses; each redirect is checked likewise. Nothing else fetches such addresses;
``core.calling`` sends to them by the same rules.
"""

import socket
import ssl
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpcore2
import httpx2
from django.conf import settings

from core.errors import SupportError

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], list[Address]]

USER_AGENT = "supportbot"
MAX_URL_CHARACTERS = 2_000
MAX_REDIRECTS = 3
MAX_BYTES = 5_000_000
TOTAL_SECONDS = 20.0
CONNECT_SECONDS = 5.0
PORTS = {80, 443, 8080, 8443}
REDIRECTS = {301, 302, 303, 307, 308}
DEFAULT_PORTS = {"http": 80, "https": 443}
GZIP_WINDOW = 31
# Public by the registry, yet not somebody's web server: relays, protocol assignments, and the
# address where Azure's machines ask for their own secrets.
REFUSED_IPV4 = [ip_network(one) for one in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")]
PUBLIC_IPV6 = ip_network("2000::/3")
# Teredo and other assignments, documentation, 6to4: they lead on to IPv4, or nowhere.
REFUSED_IPV6 = [ip_network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
NAT64 = ip_network("64:ff9b::/96")


class FetchFailed(SupportError):
    """The address could not be fetched."""

    code = "fetch_failed"
    status = 502
    detail = "The address could not be fetched."


class AddressRefused(FetchFailed):
    """The address, or one that it leads to, is not on the public internet."""

    code = "address_refused"
    status = 400


class FetchTimedOut(FetchFailed):
    """The server took too long."""

    code = "fetch_timed_out"
    detail = "The server took too long."


class NotConnected(FetchFailed):
    """No connection came about: nothing was sent."""

    code = "not_connected"


class FetchTooLarge(FetchFailed):
    """The body is over the limit."""

    code = "fetch_too_large"


class WrongType(FetchFailed):
    """The body is of a type that was not asked for."""

    code = "wrong_type"


class BadStatus(FetchFailed):
    """The server answered with an error of its own, ``answered``."""

    code = "bad_status"

    def __init__(self, answered: int) -> None:
        """Say which."""
        super().__init__(f"The server answered with status {answered}.")
        self.answered = answered


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, decompressed, and the address that it came from in the end."""

    url: str
    content_type: str
    body: bytes

    @property
    def media_type(self) -> str:
        """The type without its parameters, as ``text/html``."""
        return media_type_of(self.content_type)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a fetch may cost; ``seconds`` are for all of it, names and redirects included."""

    max_bytes: int = MAX_BYTES
    seconds: float = TOTAL_SECONDS
    connect_seconds: float = CONNECT_SECONDS


DEFAULT_LIMITS = Limits()


def media_type_of(content_type: str) -> str:
    """Return ``text/html`` of ``Text/HTML; charset=utf-8``."""
    return content_type.partition(";")[0].strip().casefold()


def resolve(host: str, port: int) -> list[Address]:
    """Return the addresses of ``host``; how long that takes is bounded by the system's resolver."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed(f"{host} is not known.") from error
    return [ip_address(str(entry[4][0])) for entry in found]


def fetch(
    url: str,
    *,
    types: Collection[str],
    limits: Limits = DEFAULT_LIMITS,
    resolver: Resolve = resolve,
    tls: ssl.SSLContext | None = None,
) -> Fetched:
    """Get ``url``, whose body must be of one of the media ``types``; raise ``FetchFailed``."""
    deadline = Deadline(limits)
    current = parse_url(url)
    # Only who asks for an inner host by name gets there: no page outside redirects into it.
    is_inside = _is_inside(*place_of(current))
    for _ in range(MAX_REDIRECTS + 1):
        host, port = place_of(current)
        addresses = check_host(host, port, resolver=resolver, may_be_inside=is_inside)
        answer = _get(current, addresses=addresses, types=types, deadline=deadline, tls=tls)
        if isinstance(answer, Fetched):
            return answer
        current = parse_url(str(_joined(current, answer)))
    raise FetchFailed(f"The address redirects more than {MAX_REDIRECTS} times.")


def parse_url(url: str) -> httpx2.URL:
    """Return a web address without credentials and fragment; raise ``AddressRefused``."""
    if len(url) > MAX_URL_CHARACTERS:
        raise AddressRefused("The address is too long.")
    try:
        parsed = httpx2.URL(url.strip())
    except (httpx2.InvalidURL, ValueError) as error:
        raise AddressRefused("That is not a web address.") from error
    if parsed.scheme not in DEFAULT_PORTS or not parsed.host:
        raise AddressRefused("Only addresses with http:// or https:// are fetched.")
    if parsed.userinfo or "\\" in url:
        raise AddressRefused("The address must not hold a user name or a backslash.")
    return parsed.copy_with(fragment=None)


def check_host(
    host: str, port: int, *, resolver: Resolve = resolve, may_be_inside: bool = True
) -> list[Address]:
    """Return the host's addresses; raise ``AddressRefused`` unless all of them may be reached.

    The hosts that the installation allows are exempt where it ``may_be_inside``.
    """
    addresses = resolver(host, port)
    if may_be_inside and _is_inside(host, port):
        return addresses
    if port not in PORTS:
        allowed = ", ".join(map(str, sorted(PORTS)))
        raise AddressRefused(f"Port {port} is not one of {allowed}.")
    if not addresses or not all(map(is_public, addresses)):
        raise AddressRefused(f"{host} is not on the public internet.")
    return addresses


def _is_inside(host: str, port: int) -> bool:
    return bool({host, f"{host}:{port}"} & set(settings.FETCH_ALLOWED_HOSTS))


def place_of(url: httpx2.URL) -> tuple[str, int]:
    """Return the host, as it is written on the wire, and the port."""
    return url.raw_host.decode("ascii"), url.port or DEFAULT_PORTS[url.scheme]


def is_public(address: Address) -> bool:
    """Tell whether ``address`` is one host on the internet, by what it leads to in the end."""
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner is None:
            return address in PUBLIC_IPV6 and not any(address in one for one in REFUSED_IPV6)
        address = inner
    refused = address.is_multicast or any(address in one for one in REFUSED_IPV4)
    return address.is_global and not refused


def _inner(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that ``address`` only wraps."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped


class Deadline:
    """The time that is left of a fetch; ``limits`` are its limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._end = time.monotonic() + limits.seconds

    def left(self) -> float:
        """Return seconds above 0; raise ``FetchTimedOut`` when there are none."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise FetchTimedOut
        return seconds


class _TimedStream(httpcore2.NetworkStream):
    """A stream whose every wait counts against the one deadline: slow drips end too."""

    def __init__(self, inner: httpcore2.NetworkStream, *, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, timeout=self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout=self._deadline.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Check the certificate against the host's name, whatever address was dialled."""
        inner = self._inner.start_tls(ssl_context, server_hostname, timeout=self._deadline.left())
        return _TimedStream(inner, deadline=self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


class CheckedBackend(httpcore2.NetworkBackend):
    """Connects to the addresses that were checked, and asks no resolver again."""

    def __init__(self, addresses: Sequence[Address], *, deadline: Deadline) -> None:
        self._addresses, self._deadline = addresses, deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Try the addresses in turn."""
        failure: Exception = httpcore2.ConnectError("no address")
        for address in self._addresses:
            seconds = min(self._deadline.limits.connect_seconds, self._deadline.left())
            try:
                inner = httpcore2.SyncBackend().connect_tcp(str(address), port, timeout=seconds)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
                continue
            return _TimedStream(inner, deadline=self._deadline)
        raise failure


@lru_cache(maxsize=1)
def default_tls() -> ssl.SSLContext:
    """Return the context that checks certificates against the public authorities."""
    return httpx2.create_ssl_context()


def _get(
    url: httpx2.URL,
    *,
    addresses: list[Address],
    types: Collection[str],
    deadline: Deadline,
    tls: ssl.SSLContext | None,
) -> Fetched | str:
    """Make one request; return the body, or where it is redirected to."""
    _, port = place_of(url)
    backend = CheckedBackend(addresses, deadline=deadline)
    target = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=port, target=url.raw_path)
    headers: dict[bytes | str, bytes | str] = {
        "Host": url.netloc.decode("ascii"),
        "User-Agent": USER_AGENT,
        "Accept": ", ".join(types),
        "Accept-Encoding": "gzip",
    }
    try:
        with (
            httpcore2.ConnectionPool(tls or default_tls(), network_backend=backend) as pool,
            pool.stream("GET", target, headers=headers) as response,
        ):
            return _read(response, url=url, types=types, deadline=deadline)
    except httpcore2.TimeoutException as error:
        raise FetchTimedOut from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        raise FetchFailed(f"{url.host} could not be reached: {error or 'no connection'}") from error


def _read(
    response: httpcore2.Response, *, url: httpx2.URL, types: Collection[str], deadline: Deadline
) -> Fetched | str:
    headers = httpx2.Headers(response.headers)
    if response.status in REDIRECTS and "location" in headers:
        return headers["location"]
    if response.status != httpx2.codes.OK:
        raise BadStatus(response.status)
    media_type = media_type_of(headers.get("content-type", ""))
    if media_type not in types:
        raise WrongType(f"The server sent {media_type or 'no type'}, which is not read here.")
    encoding = headers.get("content-encoding", "").strip().casefold()
    pieces = _decoded(response.iter_stream(), encoding=encoding, limit=deadline.limits.max_bytes)
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > deadline.limits.max_bytes:
            raise FetchTooLarge(f"It is larger than {deadline.limits.max_bytes:,} bytes.")
    return Fetched(str(url), headers.get("content-type", ""), bytes(body))


def _decoded(pieces: Iterator[bytes], *, encoding: str, limit: int) -> Iterator[bytes]:
    """Unpack what the server packed; a piece never grows far past ``limit``."""
    if encoding in {"", "identity"}:
        yield from pieces
        return
    if encoding not in {"gzip", "x-gzip"}:
        raise WrongType(f"The server packed it by {encoding}, which was not asked for.")
    yield from unpack_gzip(pieces, limit=limit)


def unpack_gzip(pieces: Iterable[bytes], *, limit: int) -> Iterator[bytes]:
    """Unpack gzip to pieces of ``limit`` + 1 bytes at most; raise ``FetchFailed`` if it is none.

    Whoever adds them up sees that they are too many before memory does.
    """
    unpacker = zlib.decompressobj(GZIP_WINDOW)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                yield unpacker.decompress(rest, limit + 1)
                rest = unpacker.unconsumed_tail
                if unpacker.eof:
                    return
    except zlib.error as error:
        raise FetchFailed("It is not packed as it says.") from error
    raise FetchFailed("It ends in the middle.")


def _joined(url: httpx2.URL, location: str) -> httpx2.URL:
    try:
        return url.join(location)
    except (httpx2.InvalidURL, ValueError) as error:
        raise AddressRefused("The address redirects to what is none.") from error
