"""A private PostgreSQL and Valkey from Python wheels, for the demo and the tests.

One owner process starts and stops them; the others get their addresses by the environment.
Production uses servers of its own and never imports this package.
"""

import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from supportbot.embedded.errors import DataDirInUse
from supportbot.embedded.postgres import EmbeddedPostgres
from supportbot.embedded.valkey import EmbeddedValkey


@dataclass(frozen=True)
class Urls:
    """Addresses fit for ``DATABASE_URL`` and ``REDIS_URL``."""

    database_url: str
    redis_url: str


class EmbeddedServers:
    """Both servers with their data below one directory, owned by this process.

    ``durable=False`` is for tests: PostgreSQL then does not wait for the disk. So is
    ``environment``, which is added to PostgreSQL's.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        database: str = "supportbot",
        durable: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.database = database
        self.postgres = EmbeddedPostgres(
            self.data_dir, durable=durable, environment=environment or {}
        )
        self.valkey = EmbeddedValkey(self.data_dir)
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def urls(self) -> Urls:
        """The addresses of the running servers."""
        return Urls(self.postgres.url(self.database), self.valkey.url)

    def start(self) -> Urls:
        """Take the directory, start both servers and make the database where there is none.

        Raises DataDirInUse while another living process owns the directory.
        """
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock_owner(self.data_dir / "owner.lock")
        try:
            self.postgres.start()
            self.valkey.start()
            self.postgres.create_database(self.database)
        except BaseException:
            self.stop()
            raise
        return self.urls

    def stop(self) -> None:
        """Stop what runs and give the directory free; harmless when called twice."""
        try:
            self.valkey.stop()
            self.postgres.stop()
        finally:
            if self._lock is not None:
                self._lock.close()
                self._lock = None

    def create_database(self, name: str) -> str:
        """Make the database ``name`` where there is none; return its URL."""
        return self.postgres.create_database(name)

    def kill_valkey(self) -> None:
        """Kill Valkey at once, as a crash would."""
        self.valkey.kill()

    def start_valkey(self) -> None:
        """Start Valkey again: same port, same password, empty."""
        self.valkey.start()


def _lock_owner(path: Path) -> IO[str]:
    """Lock ``path`` for as long as this process lives, and write its number into it."""
    lock = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip()
        lock.close()
        raise DataDirInUse(f"{path.parent} is in use by the living process {owner}") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock
