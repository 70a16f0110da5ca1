"""The local upstream, an engine with its own keys, and a request to send."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import import_module
from uuid import uuid4

import pytest
import pytest_asyncio
from django.apps import apps
from pytest_django import Settings

from core.loop_redis import close_loop_redis
from llm import key_states, recovery
from llm.breaker import breaker_of
from llm.client import OpenAIEngine
from llm.connections import close_clients
from llm.engines import HAND_OFF_TOOL
from llm.keys import KeyRing, key_ring
from llm.types import ChatMessage, ReplyEvent, ReplyRequest, TextDelta
from tests.upstream.server import UpstreamServer, serve_upstream

MakeRequest = Callable[..., ReplyRequest]


@pytest_asyncio.fixture
async def upstream(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[UpstreamServer]:
    """Serve the OpenAI protocol on a free port, with settings that point at it."""
    monkeypatch.setattr(recovery, "JITTER_SECONDS", (0.0, 0.01))
    monkeypatch.setattr(recovery, "RATE_LIMIT_JITTER_SECONDS", (0.0, 0.01))
    # Most of these tests have no database.
    monkeypatch.setattr(key_states, "WRITE_SECONDS", 600.0)
    breaker_of.cache_clear()
    key_ring.cache_clear()
    # A port comes again within the 30 s that a breaker remembers what failed at an address.
    settings.REDIS_PREFIX = f"{settings.REDIS_PREFIX}.{uuid4().hex[:8]}"
    async with serve_upstream() as server:
        settings.OPENAI_API_KEY = "key-one"
        settings.OPENAI_API_KEY_FILE = ""
        settings.OPENAI_BASE_URL = server.base_url
        settings.OPENAI_MODELS = ["model-a", "model-b"]
        settings.OPENAI_SMALL_MODELS = ["model-small"]
        settings.OPENAI_STRONG_MODELS = []
        settings.OPENAI_MODERATION_MODEL = "moderation-a"
        settings.OPENAI_FIRST_TOKEN_SECONDS = 5.0
        settings.OPENAI_MAX_COMPLETION_TOKENS = 300
        settings.OPENAI_CONNECT_SECONDS = 3.0
        yield server
        await close_clients()
        await close_loop_redis()


@pytest.fixture
def engine(upstream: UpstreamServer) -> OpenAIEngine:
    """Return an engine that shares no key and no breaker with other tests."""
    return OpenAIEngine(keys=KeyRing())


@pytest.fixture
def make_request() -> MakeRequest:
    """Return a maker of requests with a prompt, a tool and 20 s to answer."""

    def make(*, seconds: float = 20.0, **fields: object) -> ReplyRequest:
        values: dict[str, object] = {
            "messages": (
                ChatMessage("system", "Answer from what the articles say."),
                ChatMessage("user", "Parcels arrive in three days. Boots are waterproof."),
                ChatMessage("user", "When do parcels arrive?"),
            ),
            "passages": (),
            "question": "When do parcels arrive?",
            "deadline": time.monotonic() + seconds,
            "tools": (HAND_OFF_TOOL,),
            "safety_identifier": "f" * 64,
            "prompt_cache_key": "site-demo",
        }
        return ReplyRequest(**{**values, **fields})  # type: ignore[arg-type]

    return make


async def collect(engine: OpenAIEngine, request: ReplyRequest) -> list[ReplyEvent]:
    """Return every event of a reply."""
    return [event async for event in engine.stream_reply(request)]


def join_text(events: list[ReplyEvent]) -> str:
    """Return the text of a reply."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.fixture
def shipped_prices(transactional_db: None) -> Iterator[None]:
    """Put the prices back that migrations made: a transactional test ends with a truncation."""
    yield
    migration = import_module("llm.migrations.0002_list_prices")
    migration.load(apps, None)
