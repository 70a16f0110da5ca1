"""Hints over a Redis that restarts or is gone: heard again afterwards, and harmless meanwhile."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from core.realtime import Hub, Publisher, counters
from supportbot.embedded.valkey import EmbeddedValkey

GROUP = "desk"
PATIENCE_SECONDS = 20.0


@pytest.fixture
def valkey(tmp_path: Path, settings: Settings) -> Iterator[EmbeddedValkey]:
    """A server of this test's own, which it may stop."""
    (tmp_path / "logs").mkdir()
    server = EmbeddedValkey(tmp_path)
    server.start()
    layer = settings.CHANNEL_LAYERS["default"]
    hosts = {"hosts": [{"address": server.url, "socket_connect_timeout": 1}], "prefix": "hints"}
    settings.REDIS_URL = server.url
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": hosts}}
    yield server
    server.stop()


async def until(
    condition: Callable[[], bool], *, trying: Callable[[], None] = lambda: None
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            trying()
            await asyncio.sleep(0.05)


def hint(number: int) -> dict[str, Any]:
    return {"type": "hint", "group": GROUP, "number": number}


async def test_hub_after_a_restart_of_redis_hears_again(valkey: EmbeddedValkey) -> None:
    hub, publisher = Hub(), Publisher()
    heard: list[dict[str, Any]] = []
    await hub.join(GROUP, heard.append)
    publisher.publish(GROUP, hint(1))
    await until(lambda: [one["number"] for one in heard] == [1])
    valkey.stop()
    valkey.start()
    await until(
        lambda: any(one["number"] == 2 for one in heard),
        trying=lambda: publisher.publish(GROUP, hint(2)),
    )
    hub.leave(GROUP, heard.append)


async def test_publishing_while_redis_is_gone_is_counted_and_never_waits(
    valkey: EmbeddedValkey,
) -> None:
    publisher = Publisher()
    valkey.stop()
    failed = counters["hints_failed"]
    began = time.monotonic()
    publisher.publish(GROUP, hint(1))
    assert time.monotonic() - began < 0.5
    await until(lambda: counters["hints_failed"] > failed)
    valkey.start()
    hub, heard = Hub(), list[dict[str, Any]]()
    await hub.join(GROUP, heard.append)
    await until(lambda: bool(heard), trying=lambda: publisher.publish(GROUP, hint(2)))


def test_publishing_past_the_bound_drops_the_oldest_and_counts_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publisher = Publisher(size=2)
    monkeypatch.setattr(publisher, "_ensure_loop", lambda: None)
    dropped = counters["hints_dropped"]
    for number in range(3):
        publisher.publish(GROUP, hint(number))
    assert counters["hints_dropped"] == dropped + 1
    assert [message["number"] for _, message in publisher._queue] == [1, 2]


async def test_hint_that_cannot_be_encoded_is_counted_and_keeps_no_other_back(
    valkey: EmbeddedValkey,
) -> None:
    hub, publisher = Hub(), Publisher()
    heard: list[dict[str, Any]] = []
    await hub.join(GROUP, heard.append)
    failed = counters["hints_failed"]
    publisher.publish(GROUP, hint(1) | {"text": "half \ud800 of a pair"})
    publisher.publish(GROUP, hint(2))
    await until(lambda: bool(heard))
    assert [one["number"] for one in heard] == [2]
    assert counters["hints_failed"] == failed + 1
    hub.leave(GROUP, heard.append)
