"""Debian's nginx before two web servers, and its PgBouncer before PostgreSQL."""

import getpass
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from supportbot import processes
from supportbot.embedded.access import let_pass, server_user
from supportbot.embedded.valkey import find_free_port

START_SECONDS = 10.0
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
    upstream web {{ {servers} }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://web;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_read_timeout 75s;
        }}
    }}
}}
"""
# Timeouts of sessions can't be set through a shared connection: the database's role has them.
PGBOUNCER = """
[databases]
{name} = host={host} dbname={name} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 20
max_client_conn = 1000
ignore_startup_parameters = options,extra_float_digits
logfile = {folder}/pgbouncer.log
"""


def are_installed() -> bool:
    """Say whether both programs are there."""
    return all(map(shutil.which, ("nginx", "pgbouncer")))


class Nginx:
    """Spreads requests and sockets over web servers; where one is gone, the other has them."""

    def __init__(self, folder: Path, *, ports: Sequence[int]) -> None:
        self.port = find_free_port()
        folder.mkdir(exist_ok=True)
        servers = " ".join(f"server 127.0.0.1:{port} fail_timeout=1s;" for port in ports)
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, servers=servers, port=self.port))
        command = ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(config)]
        if getpass.getuser() == "root":
            command += ["-g", "user root;"]
        self._process = _spawn(command, folder=folder, user=None)

    @property
    def url(self) -> str:
        """Where clients come to."""
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        """Wait until it answers, be it that no web server does yet."""

        def answers() -> bool:
            try:
                return bool(httpx.get(f"{self.url}/readyz").status_code)
            except httpx.HTTPError:
                return False

        assert processes.wait_until(answers, seconds=START_SECONDS)

    def close(self) -> None:
        """End it."""
        processes.end(self._process, patience_seconds=5)


class PgBouncer:
    """Many clients on few connections, each lent for a transaction."""

    def __init__(self, folder: Path, *, database_url: str) -> None:
        self._port = find_free_port()
        folder.mkdir(mode=0o711, exist_ok=True)
        parts = urlsplit(database_url)
        self._name = parts.path.removeprefix("/")
        host = unquote(parse_qs(parts.query)["host"][0])
        config = folder / "pgbouncer.ini"
        config.write_text(
            PGBOUNCER.format(name=self._name, host=host, port=self._port, folder=folder)
        )
        user = server_user()
        if user is not None:
            let_pass(folder)
            shutil.chown(folder, user=user)
        self._process = _spawn(["pgbouncer", str(config)], folder=folder, user=user)

    @property
    def url(self) -> str:
        """The URL for ``DATABASE_URL``."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{self._name}"

    def close(self) -> None:
        """End it."""
        processes.end(self._process, patience_seconds=5)


def _spawn(command: list[str], *, folder: Path, user: str | None) -> "subprocess.Popen[bytes]":
    program = shutil.which(command[0])
    assert program is not None
    return processes.spawn(
        processes.Launch(
            command=[program, *command[1:]],
            environment={"PATH": "/usr/sbin:/usr/bin:/bin"},
            log=folder / f"{command[0]}.out",
            directory=folder,
            user=user,
        )
    )
