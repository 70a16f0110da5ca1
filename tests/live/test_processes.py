"""The processes alone: they come up, come back after a kill, and end when asked."""

from pathlib import Path

import pytest

from supportbot.embedded import EmbeddedServers
from supportbot.healthcheck import is_web_ready
from tests.live.processes import Stack

pytestmark = pytest.mark.live


def test_every_process_comes_back_after_a_kill_and_ends_when_asked(tmp_path: Path) -> None:
    names = ("web", "worker", "bulk", "relay", "beat")
    with EmbeddedServers(tmp_path / "servers", durable=False) as servers:
        urls = servers.urls
        stack = Stack(
            database_url=urls.database_url, redis_url=urls.redis_url, folder=tmp_path, names=names
        )
        assert not is_web_ready(f"{stack.url}/readyz")
        stack.manage("migrate", "--verbosity", "0")
        with stack:
            for name in names:
                stack.kill(name)
            assert not is_web_ready(f"{stack.url}/readyz")
            for name in names:
                stack.start(name)
            stack.wait_ready()
            servers.kill_valkey()
            assert is_web_ready(f"{stack.url}/readyz")
            servers.start_valkey()
            assert [stack.stop(name) for name in names[1:]] == [0, 0, 0, 0]
