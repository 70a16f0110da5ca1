"""What a server can do: asked once, remembered, and learnt from what it refuses."""

import asyncio

import pytest
from pytest_django import Settings

from core.background import in_database_thread
from llm.capabilities import (
    UNKNOWN,
    Capabilities,
    capabilities_of,
    forget_capabilities,
    read_capabilities,
    store_capabilities,
)
from llm.client import OpenAIEngine
from llm.engines import complete, wants_structure
from llm.errors import ModelBadRequest, ModelUnavailable
from llm.models import ModelCapability
from llm.probing import probe, probe_models, unknown_models
from llm.types import ChatMessage, TextDelta, Verdict
from tests.llm.conftest import MakeRequest, collect, join_text
from tests.upstream.server import UpstreamServer

ANSWER = "Parcels arrive in three days."
ALL = Capabilities(structured_output=True, tools=True, logprobs=True, stream_options=True)
PARAMETERS = {
    "structured_output": "response_format",
    "tools": "tools",
    "logprobs": "logprobs",
    "stream_options": "stream_options",
    "identifiers": "safety_identifier",
}


@pytest.fixture(autouse=True)
def _nothing_known() -> None:
    """No test inherits what another one's server could do."""
    forget_capabilities()


@pytest.fixture
def stored(transactional_db: None, shipped_prices: None, upstream: UpstreamServer) -> None:
    """The model was found to take everything."""


async def know(found: Capabilities) -> None:
    await in_database_thread(store_capabilities)("model-a", found)
    await in_database_thread(read_capabilities)()


async def find_row() -> ModelCapability | None:
    return await ModelCapability.objects.filter(model="model-a").afirst()


def parameters_of(upstream: UpstreamServer) -> list[set[str]]:
    return [set(PARAMETERS.values()) & one["body"].keys() for one in upstream.requests]


@pytest.mark.parametrize("part", PARAMETERS)
@pytest.mark.parametrize("is_silent", [False, True])
async def test_probe_when_a_part_is_refused_finds_it_out(
    upstream: UpstreamServer, part: str, is_silent: bool
) -> None:
    upstream.behave(refuses=[PARAMETERS[part]], is_silent=is_silent, logprob=-0.5)
    found = await probe("model-a")
    expected = {name: name != part for name in PARAMETERS}
    assert {name: getattr(found, name) for name in PARAMETERS} == expected
    # A plain one first, then one for each.
    assert len(upstream.requests) == 1 + len(PARAMETERS)
    assert not any(one["errors"] for one in upstream.requests)


async def test_probe_when_a_part_is_ignored_counts_it_as_missing(upstream: UpstreamServer) -> None:
    upstream.behave(text="Certainly!")
    found = await probe("model-a")
    assert (found.structured_output, found.logprobs) == (False, False)
    assert (found.tools, found.stream_options) == (True, True)


@pytest.mark.django_db
def test_probe_when_the_server_is_down_keeps_nothing(settings: Settings) -> None:
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = "http://127.0.0.1:9/v1", "key-one"
    settings.OPENAI_MODELS = settings.OPENAI_SMALL_MODELS = ["model-a"]
    settings.OPENAI_STRONG_MODELS = []
    assert unknown_models() == ["model-a"]
    assert isinstance(probe_models(unknown_models())["model-a"], ModelUnavailable)
    assert unknown_models() == ["model-a"]
    settings.OPENAI_BASE_URL = ""
    assert unknown_models() == []


@pytest.mark.usefixtures("stored")
async def test_models_when_probed_are_not_asked_again(upstream: UpstreamServer) -> None:
    upstream.behave(logprob=-0.5)
    models = await in_database_thread(unknown_models)()
    assert models == ["model-small", "model-a", "model-b"]
    outcomes = await asyncio.to_thread(in_thread_with_database, models)
    assert outcomes == dict.fromkeys(models)
    assert await in_database_thread(unknown_models)() == []
    assert await in_database_thread(wants_structure)("standard")
    assert capabilities_of("model-a") == ALL


def in_thread_with_database(models: list[str]) -> dict[str, object]:
    return asyncio.run(in_database_thread(probe_models)(models))  # type: ignore[return-value]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("part", PARAMETERS)
async def test_turn_when_a_part_is_refused_is_answered_without_it(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest, part: str
) -> None:
    await know(ALL)
    upstream.behave(refuses=[PARAMETERS[part]])
    wants_verdict = part != "tools"
    for _ in range(2):
        events = await collect(engine, make_request(wants_verdict=wants_verdict))
        assert join_text(events) == ANSWER
    # In the structured form the hand-off tool is not offered: the verdict says what it says.
    without = {
        "structured_output": {"logprobs", "stream_options", "safety_identifier", "tools"},
        "tools": {"logprobs", "stream_options", "safety_identifier"},
        "logprobs": {"response_format", "stream_options", "safety_identifier"},
        "stream_options": {"response_format", "logprobs", "safety_identifier"},
        "identifiers": {"response_format", "logprobs", "stream_options"},
    }[part]
    assert parameters_of(upstream)[1:] == [without, without]
    row = await find_row()
    assert row is not None
    # A tool may be refused for its own sake: the row stays as it was found.
    assert getattr(row, part) is (part == "tools")


@pytest.mark.usefixtures("stored")
async def test_turn_when_nothing_is_named_asks_plainly_and_the_model_is_asked_anew(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    await know(ALL)
    upstream.behave(refuses=["logprobs"], is_silent=True)
    assert join_text(await collect(engine, make_request(wants_verdict=True))) == ANSWER
    assert parameters_of(upstream)[1] == set()
    assert await find_row() is None


@pytest.mark.usefixtures("stored")
async def test_turn_when_refused_whatever_is_left_out_fails_and_nothing_is_noted(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    await know(ALL)
    upstream.behave("400")
    with pytest.raises(ModelBadRequest):
        await collect(engine, make_request(wants_verdict=True))
    assert len(upstream.requests) == 2
    row = await find_row()
    assert row is not None
    assert row.structured_output
    assert capabilities_of("model-a") == ALL


async def test_verdict_when_the_server_is_not_held_to_the_form_is_read_all_the_same(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    upstream.behave(text='{"needs_human": false, "answer": "Within 3 days.", "citations": ["p1"]}')
    assert capabilities_of("model-a") == UNKNOWN
    events = await collect(engine, make_request(wants_verdict=True))
    assert join_text(events) == "Within 3 days."
    assert [one.citations for one in events if isinstance(one, Verdict)] == [("p1",)]
    assert isinstance(events[0], TextDelta)


async def test_short_reply_when_the_form_is_refused_comes_as_text(
    upstream: UpstreamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm.client.capabilities_of", lambda model: ALL)
    upstream.behave(text="Fine.", refuses=["response_format"])
    schema = {"type": "object", "properties": {}}
    completion = await complete((ChatMessage("user", "Hi"),), seconds=5.0, schema=schema)
    assert completion.text == "Fine."
    assert len(upstream.requests) == 2
