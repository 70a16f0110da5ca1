"""What is fetched for others never reaches inwards, and is bounded in each way."""

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import httpx2
import pytest

from core import fetching
from core.fetching import (
    AddressRefused,
    BadStatus,
    Fetched,
    FetchFailed,
    FetchTimedOut,
    FetchTooLarge,
    Limits,
    WrongType,
    fetch,
)
from tests.certificates import make_certificate
from tests.web_server import WebServer, serving

HTML = {"text/html"}


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A canary: it must not be reached unless a test allows it."""
    with serving() as server:
        server.add("/", "hello")
        yield server


@pytest.fixture
def allowed(web: WebServer, settings: object) -> WebServer:
    """The same server as a host inside the company that a person allowed."""
    settings.FETCH_ALLOWED_HOSTS = [f"127.0.0.1:{web.port}"]
    return web


@pytest.fixture
def _any_port(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the rule of ports away: the addresses alone must be refused."""
    monkeypatch.setattr(fetching, "PORTS", {web.port})


def at(*addresses: str) -> fetching.Resolve:
    return lambda host, port: [ip_address(one) for one in addresses]


@pytest.mark.usefixtures("_any_port")
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.1",
        "017700000001", "0177.0.0.1", "0.0.0.0",  # noqa: S104
        "0", "localhost", "LOCALHOST", "localhost.",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[fe80::1]",
        "[fd00:ec2::254]", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
        "100.64.0.1", "100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255",
        "\uff11\uff12\uff17.0.0.1", "127\u30020.0.1", "\u2460\u2461\u2466.0.0.1",
    ],
)  # fmt: skip
def test_inner_address_is_not_reached_however_it_is_written(web: WebServer, host: str) -> None:
    with pytest.raises(FetchFailed):
        fetch(f"http://{host}:{web.port}/", types=HTML, limits=Limits(seconds=2))
    assert web.connections == 0


@pytest.mark.usefixtures("_any_port")
@pytest.mark.parametrize(
    "url",
    [
        "http://public.example@127.0.0.1:{port}/", "http://127.0.0.1:{port}\\@public.example/",
        "http://public.example:80@127.0.0.1:{port}/", "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/x", "ftp://127.0.0.1:{port}/", "http:///", "//127.0.0.1:{port}",
        "http://[::1", "http://127.0.0.1:{port}:80/", "http://\t/", "javascript:1", "",
        "http://public.example/" + "x" * 2_000,
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused(web: WebServer, url: str) -> None:
    with pytest.raises(AddressRefused):
        fetch(url.format(port=web.port), types=HTML, resolver=at("127.0.0.1"))
    assert web.connections == 0


@pytest.mark.usefixtures("_any_port")
def test_name_with_one_inner_address_is_refused_whole(web: WebServer) -> None:
    resolver = at("93.184.216.34", "127.0.0.1")
    with pytest.raises(AddressRefused, match="not on the public internet"):
        fetch(f"http://shop.example:{web.port}/", types=HTML, resolver=resolver)
    assert web.connections == 0


def test_name_is_resolved_once_and_that_address_is_dialled(
    web: WebServer, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    """A name that rebinds after the check finds nobody who asks again."""
    settings.FETCH_ALLOWED_HOSTS = ["rebind.example"]
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[fetching.Address]:
        asked.append(host)
        return [ip_address("127.0.0.1" if len(asked) == 1 else "10.0.0.1")]

    dialled: list[str] = []
    create = socket.create_connection

    def watched(address: tuple[str, int], *args: object, **kwargs: object) -> socket.socket:
        dialled.append(address[0])
        return create(address, *args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", watched)
    assert fetch(f"http://rebind.example:{web.port}/", types=HTML, resolver=resolver).body
    assert (asked, dialled) == (["rebind.example"], ["127.0.0.1"])
    assert web.hosts == [f"rebind.example:{web.port}"]


def test_redirect_to_an_inner_address_is_not_followed(
    allowed: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as inner:
        monkeypatch.setattr(fetching, "PORTS", {inner.port})
        for target in (f"http://127.0.0.1:{inner.port}/", f"//localhost:{inner.port}/", "file:///"):
            allowed.add("/away", status=302, headers={"Location": target})
            with pytest.raises(AddressRefused):
                fetch(f"{allowed.origin}/away", types=HTML)
        assert inner.connections == 0
    assert allowed.hits == ["/away"] * 3


def test_redirects_are_followed_three_times_at_most(allowed: WebServer) -> None:
    for step in range(4):
        allowed.add(f"/{step}", status=301, headers={"Location": f"{step + 1}"})
    allowed.add("/4", "there")
    assert fetch(f"{allowed.origin}/1", types=HTML).url == f"{allowed.origin}/4"
    with pytest.raises(FetchFailed, match="more than 3"):
        fetch(f"{allowed.origin}/0", types=HTML)


def test_ports_of_other_services_are_refused() -> None:
    with pytest.raises(AddressRefused, match="Port 25"):
        fetch("http://shop.example:25/", types=HTML, resolver=at("93.184.216.34"))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("1.1.1.1", True), ("2606:4700::1111", True),
        ("64:ff9b::5db8:d822", True), ("192.88.99.1", False), ("2001:db8::1", False),
        ("2001::1", False), ("ff02::1", False), ("3fff::1", False), ("198.18.0.1", False),
    ],
)  # fmt: skip
def test_public_addresses_are_told_from_others(address: str, public: bool) -> None:
    assert fetching.is_public(ip_address(address)) is public


def test_status_and_type_are_told(allowed: WebServer) -> None:
    with pytest.raises(BadStatus, match="404") as caught:
        fetch(f"{allowed.origin}/nothing", types=HTML)
    assert caught.value.answered == 404
    allowed.add("/image", b"x", content_type="image/png")
    with pytest.raises(WrongType, match="image/png"):
        fetch(f"{allowed.origin}/image", types=HTML)
    assert fetch(f"{allowed.origin}/", types=HTML) == Fetched(
        f"{allowed.origin}/", "text/html; charset=utf-8", b"hello"
    )


def forever(head: bytes, piece: bytes, *, pause: float) -> object:
    def write(connection: socket.socket, closing: threading.Event) -> None:
        with suppress(OSError):
            connection.sendall(head)
            while not closing.wait(pause):
                connection.sendall(piece)

    return write


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


@pytest.mark.parametrize(
    ("head", "piece"), [(OK + b"\r\n", b"x"), (OK, b"X-Drip: 1\r\n"), (b"", b"H")]
)
def test_slow_drip_ends_at_the_deadline(allowed: WebServer, head: bytes, piece: bytes) -> None:
    allowed.add("/drip", write=forever(head, piece, pause=0.05))
    before = time.monotonic()
    with pytest.raises(FetchFailed):
        fetch(f"{allowed.origin}/drip", types=HTML, limits=Limits(seconds=0.5))
    assert time.monotonic() - before < 2


def test_silence_ends_at_the_deadline(allowed: WebServer) -> None:
    allowed.add("/silence", write=forever(b"", b"", pause=0.05))
    with pytest.raises(FetchTimedOut):
        fetch(f"{allowed.origin}/silence", types=HTML, limits=Limits(seconds=0.3))


def test_endless_body_ends_at_the_limit(allowed: WebServer) -> None:
    allowed.add("/endless", write=forever(OK + b"\r\n", b"x" * 65_536, pause=0))
    with pytest.raises(FetchTooLarge):
        fetch(f"{allowed.origin}/endless", types=HTML, limits=Limits(max_bytes=300_000))


def test_gzip_is_unpacked_within_the_limit(allowed: WebServer) -> None:
    packed = {"Content-Encoding": "gzip"}
    allowed.add("/small", gzip.compress(b"hello" * 100), headers=packed)
    assert fetch(f"{allowed.origin}/small", types=HTML).body == b"hello" * 100
    allowed.add("/bomb", gzip.compress(b"\0" * 50_000_000), headers=packed)
    with pytest.raises(FetchTooLarge):
        fetch(f"{allowed.origin}/bomb", types=HTML, limits=Limits(max_bytes=1_000_000))
    for path, body in (("/torn", gzip.compress(b"hello" * 100)[:-12]), ("/none", b"hello")):
        allowed.add(path, body, headers=packed)
        with pytest.raises(FetchFailed):
            fetch(f"{allowed.origin}{path}", types=HTML)


def test_certificate_is_checked_against_the_name(tmp_path: Path, settings: object) -> None:
    path = make_certificate(tmp_path, name="help.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    trust = ssl.create_default_context(cafile=str(path))
    settings.FETCH_ALLOWED_HOSTS = ["help.example", "other.example"]
    with serving(server) as web:
        web.add("/", "secret")
        here = {"types": HTML, "resolver": at("127.0.0.1")}
        assert fetch(f"https://help.example:{web.port}/", tls=trust, **here).body == b"secret"
        with pytest.raises(FetchFailed, match="could not be reached"):
            fetch(f"https://other.example:{web.port}/", tls=trust, **here)
        with pytest.raises(FetchFailed, match="could not be reached"):
            fetch(f"https://help.example:{web.port}/", **here)
        assert web.hits == ["/"]


def test_redirect_from_outside_never_leads_to_an_allowed_inner_host(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FETCH_ALLOWED_HOSTS = ["wiki.internal"]
    places = {"help.example": "93.184.216.34", "wiki.internal": "10.0.0.7"}
    asked: list[str] = []

    def get(url: httpx2.URL, **options: object) -> str:
        asked.append(url.host)
        return "https://wiki.internal/secret"

    monkeypatch.setattr(fetching, "_get", get)

    def at(host: str, port: int) -> list[fetching.Address]:
        return [ip_address(places[host])]

    with pytest.raises(AddressRefused):
        fetch("https://help.example/", types=["text/html"], resolver=at)
    assert asked == ["help.example"]
    with pytest.raises(FetchFailed, match="redirects more than"):
        fetch("https://wiki.internal/", types=["text/html"], resolver=at)
