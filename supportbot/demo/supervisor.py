"""Keeps a set of child processes running: start, restart with a growing pause, stop."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from supportbot import processes
from supportbot.demo.services import Service

STOP_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 30.0
# A child that ran this long had started well: its next end begins with a short pause again.
HEALTHY_SECONDS = 60.0


class Child:
    """One service's process, over all its restarts."""

    def __init__(self, service: Service, *, launch: processes.Launch, pid_file: Path) -> None:
        self.name = service.name
        self._launch = launch
        self._pid_file = pid_file
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._failures = 0
        self._restart_at = 0.0

    @property
    def log(self) -> Path:
        """Where the process writes."""
        return self._launch.log

    @property
    def status(self) -> int | None:
        """The exit status of a process that has ended."""
        return self._process.poll() if self._process else None

    def end_leftover(self, *, mark: str) -> None:
        """End what a killed supervisor left of this service."""
        processes.end_leftover(
            processes.read_pid(self._pid_file), mark=mark, patience_seconds=STOP_SECONDS
        )
        self._pid_file.unlink(missing_ok=True)

    def start(self) -> None:
        """Start the process and note its number."""
        self._process = processes.spawn(self._launch)
        self._started_at = time.monotonic()
        self._pid_file.parent.mkdir(mode=0o700, exist_ok=True)
        self._pid_file.write_text(f"{self._process.pid}\n", encoding="utf-8")

    def tend(self) -> str | None:
        """Restart the process when its pause is over; return what there is to say."""
        if self._process is None:
            if time.monotonic() < self._restart_at:
                return None
            self.start()
            return f"{self.name} runs again"
        status = self._process.poll()
        return None if status is None else self._plan_restart(status)

    def ask_to_stop(self) -> None:
        """Send the request to end, without waiting."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def has_ended(self) -> bool:
        """Return whether nothing of it runs."""
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """End the process at once with all its children, and forget it."""
        if self._process is not None:
            processes.kill(self._process)
            self._process = None
        self._pid_file.unlink(missing_ok=True)

    def _plan_restart(self, status: int) -> str:
        lived = time.monotonic() - self._started_at
        self._failures = 1 if lived > HEALTHY_SECONDS else self._failures + 1
        pause = min(2.0 ** (self._failures - 1), LONGEST_PAUSE_SECONDS)
        self._restart_at = time.monotonic() + pause
        self._process = None
        return f"{self.name} ended with {status}, see {self.log}; again in {pause:.0f} s"


@dataclass(frozen=True)
class Supervisor:
    """All children; ``say`` tells the person at the terminal."""

    children: tuple[Child, ...]
    say: Callable[[str], None]

    def start(self) -> None:
        """Start all children."""
        for child in self.children:
            child.start()

    def tend(self) -> None:
        """Look after each child once."""
        for child in self.children:
            news = child.tend()
            if news:
                self.say(news)

    def stop(self, *, hurried: Callable[[], bool]) -> None:
        """Ask all to end, wait, and kill the rest; at once where ``hurried`` says so."""
        for child in self.children:
            child.ask_to_stop()
        processes.wait_until(
            lambda: hurried() or all(child.has_ended() for child in self.children),
            seconds=STOP_SECONDS,
        )
        for child in self.children:
            if not child.has_ended():
                self.say(f"{child.name} does not end: killed")
            child.kill()


def make_children(
    services: tuple[Service, ...],
    *,
    environment: Mapping[str, str],
    code: Path,
    data_dir: Path,
) -> tuple[Child, ...]:
    """Return a child for each service, none of them started."""
    return tuple(
        Child(
            service,
            launch=processes.Launch(
                command=service.command(owner=data_dir),
                environment=dict(environment) | dict(service.environment),
                log=data_dir / "logs" / f"{service.name}.log",
                directory=code,
                # What a killed process leaves is what the product recovers from anyway.
                death_signal=signal.SIGKILL,
            ),
            pid_file=data_dir / "run" / f"{service.name}.pid",
        )
        for service in services
    )
