"""Breakers of several workers, through the real store: one opens it, all see it."""

import pytest
from django.conf import settings
from pytest_django import Settings
from redis import asyncio as aioredis
from redis.crc import key_slot

from llm import breaker, client
from llm.breaker import FAILURES_TO_OPEN, SharedBreaker
from llm.client import OpenAIEngine
from llm.errors import ModelUnavailable
from llm.keys import KeyRing
from tests.llm.conftest import MakeRequest, collect, join_text
from tests.upstream.server import UpstreamServer


class Worker:
    """An engine with its own view of the breakers, as a process of its own has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, make_request: MakeRequest) -> None:
        self._views: dict[str, SharedBreaker] = {}
        self._monkeypatch, self._make_request = monkeypatch, make_request
        self._engine = OpenAIEngine(keys=KeyRing())

    async def ask(self) -> str:
        with self._monkeypatch.context() as patch:
            patch.setattr(client, "breaker_of", self.view)
            return join_text(await collect(self._engine, self._make_request()))

    def view(self, name: str) -> SharedBreaker:
        return self._views.setdefault(name, SharedBreaker(name))


@pytest.fixture
def workers(
    upstream: UpstreamServer,
    monkeypatch: pytest.MonkeyPatch,
    make_request: MakeRequest,
    settings: Settings,
) -> tuple[Worker, Worker]:
    settings.OPENAI_MODELS = ["model-a"]
    return Worker(monkeypatch, make_request), Worker(monkeypatch, make_request)


async def let_the_probe_be_due() -> None:
    _, key = SharedBreaker("model-a").keys
    async with aioredis.Redis.from_url(settings.REDIS_URL) as redis:
        assert await redis.set(key, 1, xx=True)


async def fail_until_open(worker: Worker) -> None:
    for _ in range(4):
        with pytest.raises(ModelUnavailable):
            await worker.ask()


async def test_breaker_when_one_worker_opened_it_is_open_for_the_other(
    upstream: UpstreamServer, workers: tuple[Worker, Worker]
) -> None:
    first, second = workers
    upstream.behave("500")
    await fail_until_open(first)
    assert len(upstream.requests) == FAILURES_TO_OPEN
    with pytest.raises(ModelUnavailable):
        await second.ask()
    assert len(upstream.requests) == FAILURES_TO_OPEN


async def test_failures_when_two_workers_see_them_count_together(
    upstream: UpstreamServer, workers: tuple[Worker, Worker]
) -> None:
    upstream.behave("500")
    for worker in (*workers, *workers, *workers):
        with pytest.raises(ModelUnavailable):
            await worker.ask()
    assert len(upstream.requests) == FAILURES_TO_OPEN


async def test_probe_when_it_is_due_is_one_for_all_and_closes_for_all(
    upstream: UpstreamServer, workers: tuple[Worker, Worker]
) -> None:
    first, second = workers
    upstream.behave("500", count=FAILURES_TO_OPEN)
    await fail_until_open(first)
    await let_the_probe_be_due()
    assert await second.view("model-a").allow()
    assert not await first.view("model-a").allow()
    assert not await second.view("model-a").allow()
    await second.view("model-a").record_success()
    assert await first.ask() == await second.ask() == "Parcels arrive in three days."


async def test_breaker_when_the_store_is_away_counts_for_itself(
    upstream: UpstreamServer,
    workers: tuple[Worker, Worker],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = workers
    nowhere = aioredis.Redis.from_url("redis://127.0.0.1:9")
    monkeypatch.setattr(breaker, "loop_redis", lambda: nowhere)
    upstream.behave("500")
    await fail_until_open(first)
    assert len(upstream.requests) == FAILURES_TO_OPEN
    with pytest.raises(ModelUnavailable):
        await second.ask()
    assert len(upstream.requests) > FAILURES_TO_OPEN


def test_keys_of_a_breaker_lie_on_one_node_of_a_cluster() -> None:
    slots = {key_slot(key.encode()) for key in SharedBreaker("model-a").keys}
    assert len(slots) == 1
    assert slots != {key_slot(key.encode()) for key in SharedBreaker("model-b").keys}


async def test_breaker_where_nothing_failed_is_not_looked_up_for_each_call(
    workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch, upstream: UpstreamServer
) -> None:
    first, _ = workers
    await first.ask()
    looks: list[str] = []
    monkeypatch.setattr(breaker, "loop_redis", lambda: looks.append("one") or 1 / 0)
    await first.ask()
    assert looks == []


async def test_failure_elsewhere_is_seen_when_the_moment_is_over(
    workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch, upstream: UpstreamServer
) -> None:
    first, second = workers
    await second.ask()
    upstream.behave("500")
    await fail_until_open(first)
    monkeypatch.setattr(second.view("model-a"), "_clean_until", 0.0)
    with pytest.raises(ModelUnavailable):
        await second.ask()
    assert len(upstream.requests) == 1 + FAILURES_TO_OPEN


async def test_failure_during_a_look_is_not_forgotten_by_its_answer(
    workers: tuple[Worker, Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    view = workers[0].view("model-a")
    look = view._run

    async def fail_meanwhile(script: str) -> int | None:
        found = await look(script)
        monkeypatch.setattr(view, "_run", look)
        await view.record_failure()
        return found

    monkeypatch.setattr(view, "_run", fail_meanwhile)
    assert await view.allow()
    assert not view._is_clean
