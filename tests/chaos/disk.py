"""A small disk of its own for the database, in memory, which can be filled."""

import os
import subprocess
from pathlib import Path

# Takes only what is written to it.
MEGABYTES = 600
BLOCK = b"\0" * 1_000_000


class SmallDisk:
    """A tmpfs at ``path``; only root may mount one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._filler = path / "filler"

    @staticmethod
    def is_possible() -> bool:
        """Say whether this process may mount."""
        return os.geteuid() == 0

    def mount(self) -> None:
        """Make it."""
        self._path.mkdir(mode=0o700, exist_ok=True)
        options = f"size={MEGABYTES}m,mode=711"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self._path)]
        subprocess.run(command, check=True, timeout=10)

    def unmount(self) -> None:
        """End it, with all that is on it."""
        subprocess.run(["umount", "--lazy", str(self._path)], check=True, timeout=10)

    def fill(self) -> None:
        """Leave not a byte."""
        with self._filler.open("wb", buffering=0) as filler:
            for block in (BLOCK, BLOCK[:4096], b"\0"):
                try:
                    while filler.write(block):
                        pass
                except OSError:
                    continue

    def make_room(self) -> None:
        """Give back what ``fill`` took."""
        self._filler.unlink()
