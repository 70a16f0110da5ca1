"""The processes that make up a running product, as data; docker-compose.yml lists the same."""

import sys
from dataclasses import dataclass
from pathlib import Path

# 256 KiB: a larger frame is ended by the transport with code 1009 (docs/protocol.md).
LARGEST_FRAME_BYTES = 262_144
# Answers wait on the network, not on the processor: one process holds this many of them.
TURNS_AT_ONCE = 200
GRACE_SECONDS = 5
TURN_QUEUES = ("turns", "helpers")
# Of glibc's heaps, of which each thread would have its own: what one frees, no other could use.
FEW_HEAPS = {"MALLOC_ARENA_MAX": "2"}
TURN_POOL = {"CELERY_CUSTOM_WORKER_POOL": "supportbot.pool:AsyncTaskPool"}


@dataclass(frozen=True)
class Service:
    """One long-running process: a module or script of Python's with its arguments."""

    name: str
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()

    def command(self, *, owner: Path) -> list[str]:
        """Return the command line; ``owner`` marks it, so that a leftover is known again."""
        return [sys.executable, "-X", f"owner={owner}", *self.arguments]


def list_services(*, port: int, data_dir: Path) -> tuple[Service, ...]:
    """Return every service in the order in which to start them."""
    return (
        web(port=port),
        Service(
            "worker",
            _worker(*TURN_QUEUES, pool="custom", size=TURNS_AT_ONCE),
            _pairs(TURN_POOL | FEW_HEAPS),
        ),
        Service("bulk", _worker("bulk", pool="prefork", size=1)),
        # ``manage.py doctor`` knows it by this name.
        Service("relay", ("manage.py", "relay"), (("PGAPPNAME", "relay"),)),
        Service("beat", (*_celery("beat"), "-s", str(data_dir / "beat-schedule"), "--pidfile=")),
    )


def web(*, port: int) -> Service:
    """Return the HTTP and websocket server, on loopback only."""
    return Service(
        "web",
        (
            *("-m", "uvicorn", "supportbot.asgi:application"),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--ws", "supportbot.websocket:SocketProtocol"),
            *("--ws-max-size", str(LARGEST_FRAME_BYTES)),
            # Often enough for proxies, which wait 60 s; the widget looks for silence itself.
            *("--ws-ping-interval", "45"),
            # Compression costs memory for each socket, and frames are small.
            *("--ws-per-message-deflate", "false"),
            # It would hold query strings, and with them the customers whom agents look for.
            "--no-access-log",
            *("--timeout-graceful-shutdown", str(GRACE_SECONDS)),
        ),
        _pairs(FEW_HEAPS),
    )


def _worker(*queues: str, pool: str, size: int) -> tuple[str, ...]:
    """Return a worker of these queues in turn, named after the first."""
    return (
        *_celery("worker"),
        *("-Q", ",".join(queues), "-n", f"{queues[0]}@%h", "--pool", pool, "-c", str(size)),
        # Workers have nothing to tell each other: the database decides who does what.
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def _celery(command: str) -> tuple[str, ...]:
    return ("-m", "celery", "-A", "supportbot", command, "--loglevel", "INFO")


def _pairs(environment: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(environment.items())
