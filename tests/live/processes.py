"""Real processes for live tests, started and killed at will; what they must do is tested beside."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from supportbot import processes
from supportbot.demo.services import Service, list_services
from supportbot.embedded.valkey import find_free_port
from supportbot.healthcheck import is_web_ready

ROOT = Path(__file__).resolve().parents[2]
USUAL = ("web", "worker", "relay")
# What tells in a process's log that it is at work; the web server is asked instead.
SIGNS = {"worker": " ready.", "bulk": " ready.", "beat": "beat: Starting..."}


class Stack:
    """The product's processes on one database and one Redis; all of them end with the test.

    ``environment`` is added to each process's, e.g. ``OPENAI_BASE_URL``. The database must be
    migrated. Use it as a context manager: it starts ``names`` and waits until they are ready.
    """

    def __init__(
        self,
        *,
        database_url: str,
        redis_url: str,
        folder: Path,
        port: int | None = None,
        names: Sequence[str] = USUAL,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port or find_free_port()
        self.folder = folder
        self.names = tuple(names)
        self._services = {
            service.name: service for service in list_services(port=self.port, data_dir=folder)
        }
        self._environment = self._common(database_url, redis_url) | dict(environment or {})
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._offsets: dict[str, int] = {}
        self._died: list[str] = []

    def __enter__(self) -> Self:
        try:
            for name in self.names:
                self.start(name)
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The web server's address, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, name: str, *, environment: Mapping[str, str] | None = None) -> None:
        """Start one process (again), with some more environment where given; doesn't wait."""
        if name in self._running and self._running[name].poll() is None:
            raise AssertionError(f"{name} runs already")
        service = self._services[name]
        log = self._path(name)
        self._offsets[name] = log.stat().st_size if log.exists() else 0
        self._running[name] = self._spawn(service, dict(environment or {}))

    def kill(self, name: str) -> None:
        """Kill one process as a crash would (SIGKILL), with its children."""
        processes.kill(self._take(name))

    def stop(self, name: str, *, patience_seconds: float = 30) -> int:
        """Ask one process to end (SIGTERM) and return its exit status."""
        return processes.end(self._take(name), patience_seconds=patience_seconds)

    def revive(self) -> list[str]:
        """Start again what ended by itself, as a supervisor would; return what did since then."""
        for name, process in tuple(self._running.items()):
            if process.poll() is not None:
                self._take(name)
                self.start(name)
        died, self._died = self._died, []
        return died

    def suspend(self, name: str) -> None:
        """Freeze one process (SIGSTOP): it neither works nor dies."""
        self._running[name].send_signal(signal.SIGSTOP)

    def resume(self, name: str) -> None:
        """Let a frozen process go on."""
        self._running[name].send_signal(signal.SIGCONT)

    def is_running(self, name: str) -> bool:
        """Tell whether one process is there."""
        return name in self._running and self._running[name].poll() is None

    def pid(self, name: str) -> int:
        """Return one process's number."""
        return self._running[name].pid

    def log(self, name: str) -> str:
        """Return what one process has written since its last start."""
        return self._path(name).read_bytes()[self._offsets[name] :].decode(errors="replace")

    def wait_ready(self, *names: str, seconds: float = 60) -> None:
        """Wait until the named processes (all that run, if none is named) are at work."""
        for name in names or tuple(self._running):
            ready = processes.wait_until(partial(self._settled, name), seconds=seconds)
            if not ready or self._running[name].poll() is not None:
                raise AssertionError(f"{name} is not ready:\n{self.log(name)[-4000:]}")

    def manage(self, *arguments: str) -> str:
        """Run a management command in the processes' environment and return its output."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=self._environment,
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
            timeout=300,
        ).stdout

    def close(self) -> None:
        """Kill all that still runs."""
        for name in tuple(self._running):
            self.kill(name)

    def _settled(self, name: str) -> bool:
        if self._running[name].poll() is not None:
            return True
        if name == "web":
            return is_web_ready(f"{self.url}/readyz")
        return SIGNS.get(name, "") in self.log(name)

    def _take(self, name: str) -> subprocess.Popen[bytes]:
        """Return a process that is no longer to run, and note where it had ended by itself."""
        process = self._running.pop(name)
        if process.poll() is not None:
            self._died.append(name)
        return process

    def _spawn(self, service: Service, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        return processes.spawn(
            processes.Launch(
                command=service.command(owner=self.folder),
                environment=self._environment | dict(service.environment) | environment,
                log=self._path(service.name),
                directory=ROOT,
                death_signal=signal.SIGKILL,
            )
        )

    def _path(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def _common(self, database_url: str, redis_url: str) -> dict[str, str]:
        """Return the environment as in the demo: pools and all, unlike the test's own process."""
        kept = {name: value for name, value in os.environ.items() if name != "SUPPORTBOT_TESTING"}
        return kept | {
            "DEMO": "1",
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "DATA_DIR": str(self.folder),
            "PUBLIC_URL": self.url,
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "PYTHONUNBUFFERED": "1",
        }
