"""Errors of the embedded servers: they stop a start, no customer ever sees them."""

from pathlib import Path


class EmbeddedError(RuntimeError):
    """An embedded server could not be started; the text says why and ends with its log."""


class DataDirInUse(EmbeddedError):
    """Another living process owns the data directory."""


def does_not_start(server: str, *, log: Path) -> EmbeddedError:
    """Return the error that names ``server``, its log, and the log's last lines."""
    return EmbeddedError(f"{server} does not start, see {log}:\n{last_lines(log)}")


def last_lines(log: Path, *, count: int = 15) -> str:
    """Return the end of ``log``."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-count:])
