"""A web server on loopback for the tests of what fetches: it tells what it was asked for."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """What one path answers; ``write`` replaces the body by what it sends itself."""

    body: bytes | str = b""
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    write: Callable[[socket.socket, threading.Event], None] | None = None


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class WebServer:
    """Serves ``pages`` by path; ``hits`` are the paths asked for, ``connections`` counts all."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.hits: list[str] = []
        self.hosts: list[str] = []
        self.received: list[Received] = []
        self.connections = 0
        self.closing = threading.Event()
        self.server = _Server(("127.0.0.1", 0), _Handler)
        self.server.owner = self
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.origin = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"

    def add(self, path: str, body: bytes | str = b"", **values: object) -> None:
        """Serve ``body`` at ``path``."""
        self.pages[path] = Page(body, **values)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: WebServer

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        self.owner.connections += 1
        return super().get_request()

    def handle_error(self, *_: object) -> None:
        """Clients hang up in these tests."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        self.do_GET()

    do_PUT = do_PATCH = do_DELETE = do_POST

    def do_GET(self) -> None:
        owner = self.server.owner
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        owner.received.append(Received(self.command, self.path, dict(self.headers), sent))
        owner.hits.append(self.path)
        owner.hosts.append(self.headers["Host"])
        page = owner.pages.get(self.path, Page("not here", status=404))
        body = page.body.encode() if isinstance(page.body, str) else page.body
        if page.write:
            page.write(self.connection, owner.closing)
            return
        self.send_response(page.status)
        headers = {"Content-Type": page.content_type, "Content-Length": str(len(body))}
        for name, value in (headers | page.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """Serve in a thread of this process."""
    web = WebServer(tls)
    thread = threading.Thread(target=web.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.closing.set()
        web.server.shutdown()
        web.server.server_close()
        thread.join()
