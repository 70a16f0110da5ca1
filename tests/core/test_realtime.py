"""Hints over a Redis that restarts or is gone: heard again afterwards, and harmless meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.layers import get_channel_layer
from pytest_django import Settings
from redis import asyncio as aioredis

from core.realtime import PREVIEWS_GROUP, Hub, Publisher, counters
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


@pytest.fixture(params=["own loop", "the test's loop"])
async def publisher(
    request: pytest.FixtureRequest, valkey: EmbeddedValkey
) -> AsyncIterator[Publisher]:
    """One that sends from a thread of its own, and one that sends where others run too."""
    made = Publisher()
    if request.param == "the test's loop":
        made.send_on(asyncio.get_running_loop())
    yield made
    # What it could not send yet, no other test's counts are to tell of.
    made._queue.clear()
    await asyncio.to_thread(made.drain, seconds=PATIENCE_SECONDS)
    if made._task is not None:
        made._task.cancel()


async def test_hub_after_a_restart_of_redis_hears_again(
    valkey: EmbeddedValkey, publisher: Publisher
) -> None:
    hub = Hub()
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
    assert {one["number"] for one in heard} == {1, 2}
    hub.leave(GROUP, heard.append)


async def test_publishing_while_redis_is_gone_is_counted_and_never_waits(
    valkey: EmbeddedValkey, publisher: Publisher
) -> None:
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


async def test_sending_goes_on_after_what_nobody_expected(
    valkey: EmbeddedValkey, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, heard = Hub(), list[dict[str, Any]]()
    await hub.join(GROUP, heard.append)
    failed, send = counters["hints_failed"], publisher._send

    async def fail_once(*_: object) -> int:
        monkeypatch.setattr(publisher, "_send", send)
        raise LookupError

    monkeypatch.setattr(publisher, "_send", fail_once)
    publisher.publish(GROUP, hint(1))
    await until(lambda: counters["hints_failed"] == failed + 1)
    publisher.publish(GROUP, hint(2))
    await until(lambda: bool(heard))
    hub.leave(GROUP, heard.append)


async def test_drain_waits_for_what_was_published_and_not_for_ever(
    valkey: EmbeddedValkey, publisher: Publisher
) -> None:
    counted = counters["hints_failed"]
    for number in range(1_000):
        publisher.publish(GROUP, hint(number))
    await asyncio.to_thread(publisher.drain, seconds=PATIENCE_SECONDS)
    assert not publisher._queue
    async with aioredis.Redis.from_url(valkey.url) as redis:
        sent = (await redis.info("commandstats"))["cmdstat_publish"]["calls"]
    assert (sent, counters["hints_failed"]) == (1_000, counted)
    valkey.stop()
    for number in range(1_000):
        publisher.publish(GROUP, hint(number))
    began = time.monotonic()
    await asyncio.to_thread(publisher.drain, seconds=0.3)
    assert time.monotonic() - began < 2
    assert publisher._queue


def test_publishing_after_the_end_of_the_loop_raises_nothing() -> None:
    publisher, loop = Publisher(), asyncio.new_event_loop()
    publisher.send_on(loop)
    loop.close()
    publisher._is_waiting = True
    publisher.publish(GROUP, hint(1))
    assert len(publisher._queue) == 1


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
    valkey: EmbeddedValkey, publisher: Publisher
) -> None:
    hub = Hub()
    heard: list[dict[str, Any]] = []
    await hub.join(GROUP, heard.append)
    failed = counters["hints_failed"]
    publisher.publish(GROUP, hint(1) | {"text": "half \ud800 of a pair"})
    publisher.publish(GROUP, hint(2))
    await until(lambda: bool(heard))
    assert [one["number"] for one in heard] == [2]
    assert counters["hints_failed"] == failed + 1
    hub.leave(GROUP, heard.append)


def piece(conversation: str, text: str, *, offset: int = 0) -> dict[str, Any]:
    return {
        "type": "delta", "group": GROUP, "conversation": conversation, "message": conversation,
        "attempt": 10, "offset": offset, "text": text,
    }  # fmt: skip


async def test_pieces_of_several_answers_come_as_one_message_each_to_its_own_listener(
    valkey: EmbeddedValkey, publisher: Publisher
) -> None:
    hub = Hub()
    first, second = list[dict[str, Any]](), list[dict[str, Any]]()
    await hub.join(GROUP, first.append, conversation="a")
    await hub.join(GROUP, second.append, conversation="b")
    async with aioredis.Redis.from_url(valkey.url) as redis:
        before = await redis.info("commandstats")
        # One after the other, before the sending thread has begun.
        for message in (
            piece("a", "Parcels "),
            piece("b", "Boots "),
            piece("a", "arrive.", offset=8),
            {"type": "delta_end", "group": GROUP, "conversation": "a", "reason": "final"},
            piece("b", "are dry.", offset=6),
        ):
            publisher._queue.append((GROUP, message))
        publisher.publish(GROUP, hint(1))
        await until(lambda: len(first) == 3 and len(second) == 2)
        after = await redis.info("commandstats")
    assert [one["type"] for one in first] == ["delta", "delta", "delta_end"]
    assert "".join(one["text"] for one in second) == "Boots are dry."
    published = [stats.get("cmdstat_publish", {"calls": 0})["calls"] for stats in (before, after)]
    assert published[1] - published[0] == 4
    hub.leave(GROUP, first.append, conversation="a")
    hub.leave(GROUP, second.append, conversation="b")


async def test_who_joins_while_the_last_one_leaves_hears_of_both_groups(
    valkey: EmbeddedValkey,
) -> None:
    hub, heard = Hub(), list[dict[str, Any]]()
    # The group of pieces is among the first to be left: others were joined after it.
    for group in ("first", GROUP):
        await hub.join(group, heard.append)
    for group in ("first", GROUP):
        hub.leave(group, heard.append)
    layer = get_channel_layer()
    discard, joined = layer.group_discard, asyncio.Event()

    async def slowly(group: str, channel: str) -> None:
        await joined.wait()
        await discard(group, channel)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer, "group_discard", slowly)
        await until(lambda: PREVIEWS_GROUP not in hub._subscribed)
        joining = asyncio.create_task(hub.join(GROUP, heard.append, conversation="a"))
        await until(lambda: hub._members[PREVIEWS_GROUP] > 0)
        joined.set()
        await joining
    publisher = Publisher()
    publisher._queue.extend([(GROUP, piece("a", "x")), (GROUP, piece("b", "y"))])
    publisher.publish(GROUP, hint(1) | {"conversation": "a"})
    await until(lambda: len(heard) == 2)
    assert heard[0]["text"] == "x"
    hub.leave(GROUP, heard.append, conversation="a")


async def test_hub_that_nobody_listens_to_leaves_all_groups(valkey: EmbeddedValkey) -> None:
    hub, heard = Hub(), list[dict[str, Any]]()
    await hub.join(GROUP, heard.append)
    hub.leave(GROUP, heard.append)
    await until(lambda: not hub._subscribed)
    async with aioredis.Redis.from_url(valkey.url) as redis:
        assert not [one for one in await redis.pubsub_channels() if b"__group__" in one]
