"""A clock that can be stepped for the database, by Debian's libfaketime.

The database's clock is the one by which leases and deadlines end. Python's processes keep the
real one, because libfaketime 0.9.10 breaks their ``time.sleep`` (EINVAL): to them it is skewed.
"""

from functools import cache
from pathlib import Path

LIBRARIES = Path("/usr/lib")


@cache
def find_library() -> Path | None:
    """Return libfaketime for threads, or nothing where it is not installed."""
    return next(iter(LIBRARIES.glob("*/faketime/libfaketimeMT.so.1")), None)


class Clock:
    """The wall clock of a process that runs in ``environment``; its monotonic one is real."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.step(0)

    @staticmethod
    def is_possible() -> bool:
        """Say whether the library is installed."""
        return find_library() is not None

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process follow this clock, a second after each step at the latest."""
        return {
            "LD_PRELOAD": str(find_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._path),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def step(self, seconds: int) -> None:
        """Set the clock so far from the real one."""
        self._path.write_text(f"{seconds:+d}\n", encoding="ascii")
        # PostgreSQL reads it as another user.
        self._path.chmod(0o644)
