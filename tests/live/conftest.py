"""Real processes on a database of their own, and a local server that speaks OpenAI's protocol."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest

from supportbot import processes
from supportbot.embedded.valkey import find_free_port
from tests.live.processes import ROOT, Stack
from tests.servers import servers

StackMaker = Callable[..., Stack]


class Upstream:
    """The model's server as its own process."""

    def __init__(self, folder: Path) -> None:
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = processes.spawn(
            processes.Launch(
                command=(sys.executable, "-m", "tests.upstream.server", "--port", str(self.port)),
                environment=os.environ,
                log=folder / "upstream.log",
                directory=ROOT,
                # Nobody closes it where its owner is killed.
                death_signal=signal.SIGKILL,
            )
        )
        transport = httpx.HTTPTransport(retries=100)
        self._http = httpx.Client(base_url=self.url, transport=transport, timeout=30)
        self._wait()

    def _wait(self) -> None:
        def is_up() -> bool:
            try:
                return self._http.get("/v1/models").status_code < 500
            except httpx.HTTPError:
                return False

        assert processes.wait_until(is_up, seconds=20)

    def behave(self, mode: str, **fields: object) -> None:
        """Tell the server how to treat the next requests."""
        self._http.post("/control", json={"mode": mode, **fields}).raise_for_status()

    def reset(self) -> None:
        """Let the server answer every request again, and forget what was asked."""
        self._http.post("/control", json={"reset": True}).raise_for_status()

    def requests(self) -> list[dict[str, object]]:
        """Return what was asked, each with what is wrong with it."""
        answer = self._http.get("/requests").json()
        return list(answer["requests"] if isinstance(answer, dict) else answer)

    def close(self) -> None:
        """End the server."""
        self._http.close()
        self._process.kill()
        self._process.wait()


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    """The model's server, fresh."""
    server = Upstream(tmp_path)
    yield server
    server.close()


def make_live_database(name: str) -> str:
    """Return the URL of a new migrated database with the demo's site, people and articles."""
    url = servers.create_database(name)
    environment = {
        **{name: value for name, value in os.environ.items() if name != "SUPPORTBOT_TESTING"},
        "DATABASE_URL": url,
        "DEMO": "1",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "PUBLIC_URL": "http://127.0.0.1:8000",
    }
    for command in ("migrate", "load_demo"):
        subprocess.run(
            [sys.executable, "manage.py", command],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
            timeout=120,
        )
    return url


@pytest.fixture(scope="session")
def live_database() -> str:
    """A database that the live tests share."""
    return make_live_database("live")


@pytest.fixture
def start_stack(live_database: str, tmp_path: Path) -> Iterator[StackMaker]:
    """Start the product's processes; they end with the test."""
    with ExitStack() as stacks:

        def start(**environment: str) -> Stack:
            return stacks.enter_context(
                Stack(
                    database_url=live_database,
                    redis_url=servers.urls.redis_url,
                    folder=tmp_path,
                    environment={"REDIS_PREFIX": f"live{find_free_port()}", **environment},
                )
            )

        yield start


@pytest.fixture
def with_openai(start_stack: StackMaker, upstream: Upstream, live_database: str) -> Stack:
    """The product with a key, its model answered by ``upstream``, and no answer kept before."""
    with psycopg.connect(live_database, autocommit=True) as connection:
        connection.execute("UPDATE assistant_cachedanswer SET is_disabled = true")
    return start_stack(
        OPENAI_API_KEY="sk-test-1",
        OPENAI_BASE_URL=f"{upstream.url}/v1",
        OPENAI_FIRST_TOKEN_SECONDS="3",
    )
