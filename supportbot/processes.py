"""Child processes that never outlive their owner; what they are for is their starters' business."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.02
LARGEST_LOG_BYTES = 10_000_000
# Loaded before any fork: a forked child may not take the loader's locks.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Launch:
    """What to run and how; ``death_signal`` is what the child gets when its owner is killed."""

    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    directory: Path = field(default_factory=Path.cwd)
    death_signal: signal.Signals = signal.SIGTERM
    user: str | None = None


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only its owner.

    Call it from a thread that lives as long as the owner: Linux ties the death signal to it.
    """
    launch.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if launch.log.exists() and launch.log.stat().st_size > LARGEST_LOG_BYTES:
        launch.log.replace(launch.log.with_suffix(".old.log"))
    with launch.log.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - commands are ours, without a shell
            list(launch.command),
            env=dict(launch.environment),
            cwd=launch.directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=launch.user,
            group=_group_of(launch.user),
            extra_groups=[] if launch.user else None,
            # The signal must be asked for in the child, after it changed its user.
            preexec_fn=_death_wish(launch.death_signal),  # noqa: PLW1509
        )


def end(
    process: subprocess.Popen[bytes],
    *,
    patience_seconds: float,
    first: signal.Signals = signal.SIGTERM,
) -> int:
    """Ask a child to end, kill it where it does not, and return its exit status."""
    if process.poll() is None:
        process.send_signal(first)
    try:
        return process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        kill(process)
        return process.returncode


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a child and all in its session (a prefork worker's children), and reap it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def end_leftover(
    pid: int | None,
    *,
    mark: str,
    patience_seconds: float,
    first: signal.Signals = signal.SIGTERM,
) -> bool:
    """End a killed owner's process ``pid`` where its command line holds ``mark``.

    Returns whether there was one: numbers are reused, and another's process is left alone.
    """
    if pid is None or mark not in command_line(pid):
        return False
    for sign, seconds in ((first, patience_seconds), (signal.SIGKILL, 5.0)):
        _signal(pid, sign)
        if wait_until(lambda: mark not in command_line(pid), seconds=seconds):
            break
    return True


def command_line(pid: int) -> str:
    """Return a process's command line; empty where there is none, or only a zombie."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            return ""
    found = subprocess.run(  # noqa: S603 - a fixed command with a number
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout


def read_pid(path: Path) -> int | None:
    """Return the process number in the first line of ``path``, if it holds one."""
    try:
        first_line = path.read_text(encoding="utf-8").partition("\n")[0].strip()
    except FileNotFoundError:
        return None
    return int(first_line) if first_line.isdecimal() else None


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Poll ``condition`` until it holds; return False at the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _death_wish(sign: signal.Signals) -> Callable[[], None] | None:
    libc, owner = _LIBC, os.getpid()
    if libc is None:
        return None

    def ask() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(sign))
        # The owner may have died between the fork and the request.
        if os.getppid() != owner:
            os._exit(1)

    return ask


def _group_of(user: str | None) -> int | None:
    import pwd

    return pwd.getpwnam(user).pw_gid if user else None


def _signal(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return
