"""Replies of the OpenAI engine, against a local server that speaks the protocol."""

import asyncio
import logging
from contextlib import aclosing

import pytest
from django.conf import settings
from pytest_django import Settings
from redis import asyncio as aioredis

from llm.breaker import SharedBreaker
from llm.client import OpenAIEngine
from llm.connections import close_clients
from llm.errors import (
    ModelBadRequest,
    ModelContentFiltered,
    ModelContextTooLong,
    ModelDeadlineExceeded,
    ModelError,
    ModelKeyRejected,
    ModelQuotaExhausted,
    ModelRateLimited,
    ModelStreamBroken,
    ModelUnavailable,
)
from llm.keys import KeyRing, fingerprint
from llm.types import ChatMessage, Finished, TextDelta, ToolCallRequest, Usage
from tests.llm.conftest import MakeRequest, collect, join_text
from tests.upstream.server import UpstreamServer

ANSWER = "Parcels arrive in three days."


def list_models_asked(upstream: UpstreamServer) -> list[str]:
    return [request["body"]["model"] for request in upstream.requests]


async def test_reply_is_streamed_and_counted_when_all_is_well(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    upstream.behave(tokens_per_s=8)
    events = await collect(engine, make_request())
    assert join_text(events) == ANSWER
    assert sum(isinstance(event, TextDelta) for event in events) == len(ANSWER.split())
    usage = events[-2]
    assert isinstance(usage, Usage)
    assert (usage.model, usage.completion_tokens, usage.cached_tokens) == ("model-a", 5, 1)
    assert events[-1] == Finished("stop")


async def test_no_stream_waits_for_another_ones_connection(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    """HTTP clients hold a hundred connections unless they are told otherwise."""
    count, begun = 120, 0
    have_all_begun = asyncio.Event()
    upstream.behave("stall")

    async def begin() -> None:
        nonlocal begun
        async with aclosing(engine.stream_reply(make_request())) as events:
            await anext(events)
            begun += 1
            if begun == count:
                have_all_begun.set()
            await have_all_begun.wait()

    async with asyncio.timeout(30):
        await asyncio.gather(*(begin() for _ in range(count)))
    assert begun == len(upstream.requests) == count


async def test_tool_call_is_assembled_when_it_comes_in_pieces(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    arguments = {"reason": "must_not_decide", "detail": "A refund above the limit: 900 €."}
    upstream.behave("tool_call", arguments=arguments)
    events = await collect(engine, make_request())
    assert events[0] == ToolCallRequest("call_local", "request_hand_off", arguments)
    assert events[-1] == Finished("tool_calls")


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("length", "length"),
        ("filtered", "content_filter"),
        ("no_done", "stop"),
        ("late_cut", "stop"),
    ],
)
async def test_finish_reason_is_passed_on(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    mode: str,
    reason: str,
) -> None:
    upstream.behave(mode)
    events = await collect(engine, make_request())
    assert events[-1] == Finished(reason)  # type: ignore[arg-type]


async def test_text_is_cleaned_when_postgresql_could_not_store_it(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    upstream.behave(text="nul\0 lone\ud83d pair\U0001f600 end")
    assert join_text(await collect(engine, make_request())) == "nul lone\ufffd pair\U0001f600 end"


@pytest.mark.parametrize("mode", ["500", "429", "429_retry_after", "empty", "bad_chunk"])
async def test_reply_comes_when_only_the_first_try_fails(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest, mode: str
) -> None:
    upstream.behave(mode, count=1, retry_after="0", cut_after=0)
    assert join_text(await collect(engine, make_request())) == ANSWER
    assert list_models_asked(upstream) == ["model-a", "model-a"]


async def test_wait_is_as_long_as_retry_after_when_rate_limited(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    upstream.behave("429_retry_after", count=1, retry_after="7")
    monkeypatch.setattr("llm.client.asyncio.sleep", note)
    assert join_text(await collect(engine, make_request())) == ANSWER
    assert [round(seconds, 1) for seconds in waited if seconds] == [7.0]


@pytest.mark.parametrize(
    ("mode", "asked"),
    [
        ("500", ["model-a", "model-a", "model-b"]),
        ("404", ["model-a", "model-b"]),
        ("cut", ["model-a", "model-a", "model-b"]),
        ("garbage", ["model-a", "model-a", "model-b"]),
        ("error_event", ["model-a", "model-a", "model-b"]),
    ],
)
async def test_next_model_answers_when_the_first_does_not(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    mode: str,
    asked: list[str],
) -> None:
    upstream.behave(mode, model="model-a", cut_after=0)
    assert join_text(await collect(engine, make_request())) == ANSWER
    assert list_models_asked(upstream) == asked


async def test_next_model_answers_when_retry_after_is_past_the_deadline(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    upstream.behave("429_retry_after", model="model-a", retry_after="600")
    assert join_text(await collect(engine, make_request())) == ANSWER
    assert list_models_asked(upstream) == ["model-a", "model-b"]


@pytest.mark.parametrize("mode", ["401", "quota"])
async def test_next_key_answers_when_the_first_is_refused(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    settings: Settings,
    mode: str,
) -> None:
    settings.OPENAI_API_KEY = "key-one,key-two"
    upstream.behave(mode, key="key-one")
    assert join_text(await collect(engine, make_request())) == ANSWER
    assert join_text(await collect(engine, make_request())) == ANSWER
    assert [request["key"] for request in upstream.requests] == ["key-one", "key-two", "key-two"]


@pytest.mark.parametrize(
    ("mode", "error", "tries"),
    [
        ("500", ModelUnavailable, 4),
        ("429", ModelRateLimited, 4),
        ("401", ModelKeyRejected, 1),
        ("quota", ModelQuotaExhausted, 1),
        ("404", ModelUnavailable, 2),
        ("400", ModelBadRequest, 2),
        ("context_length", ModelContextTooLong, 1),
        ("content_filter", ModelContentFiltered, 1),
    ],
)
async def test_refusal_is_raised_as_its_own_error(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    mode: str,
    error: type[ModelError],
    tries: int,
) -> None:
    upstream.behave(mode)
    with pytest.raises(error):
        await collect(engine, make_request())
    assert len(upstream.requests) == tries


@pytest.mark.parametrize(
    "mode",
    [
        "cut",
        "cut_clean",
        "html",
        "garbage",
        "bad_utf8",
        "bad_chunk",
        "bad_json",
        "error_event",
        "huge_line",
        "stall",
    ],
)
async def test_stream_is_broken_when_it_fails_after_the_first_token(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    settings: Settings,
    mode: str,
) -> None:
    settings.OPENAI_FIRST_TOKEN_SECONDS = 0.5
    upstream.behave(mode)
    with pytest.raises(ModelStreamBroken) as caught:
        await collect(engine, make_request())
    assert caught.value.retryable
    assert len(upstream.requests) == 1


async def test_huge_line_is_not_read_to_its_end(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    settings: Settings,
) -> None:
    # Endless but for the cap: without it this runs into the deadline instead.
    settings.OPENAI_FIRST_TOKEN_SECONDS = 60.0
    upstream.behave("huge_line", size=10**12)
    with pytest.raises(ModelStreamBroken):
        await collect(engine, make_request(seconds=4))


async def test_unavailable_when_no_first_token_comes_in_time(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    settings: Settings,
) -> None:
    settings.OPENAI_FIRST_TOKEN_SECONDS = 0.5
    settings.OPENAI_MODELS = ["model-a"]
    upstream.behave("hang")
    with pytest.raises(ModelUnavailable):
        await collect(engine, make_request())
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("mode", ["hang", "stall", "slow"])
async def test_deadline_ends_the_reply(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest, mode: str
) -> None:
    upstream.behave(mode)
    with pytest.raises(ModelDeadlineExceeded):
        await collect(engine, make_request(seconds=1))
    assert len(upstream.requests) == 1


async def test_unavailable_when_nobody_listens(
    engine: OpenAIEngine, make_request: MakeRequest, settings: Settings
) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    with pytest.raises(ModelUnavailable):
        await collect(engine, make_request())


async def let_the_probe_be_due(model: str) -> None:
    """Put the shared breaker's probe into the past: its clock is the server's."""
    _, key = SharedBreaker(model).keys
    async with aioredis.Redis.from_url(settings.REDIS_URL) as redis:
        assert await redis.set(key, 1, xx=True)


@pytest.mark.parametrize("leave_at", [TextDelta, Finished])
async def test_breaker_opens_when_the_upstream_stays_down_and_closes_after_a_reply(
    upstream: UpstreamServer,
    make_request: MakeRequest,
    settings: Settings,
    leave_at: type[TextDelta | Finished],
) -> None:
    engine = OpenAIEngine(keys=KeyRing())
    settings.OPENAI_MODELS = ["model-a"]
    upstream.behave("500", count=5)
    for _ in range(4):
        with pytest.raises(ModelUnavailable):
            await collect(engine, make_request())
    assert len(upstream.requests) == 5
    await let_the_probe_be_due("model-a")
    async with aclosing(engine.stream_reply(make_request())) as events:
        async for event in events:
            if isinstance(event, leave_at):
                break
    assert join_text(await collect(engine, make_request())) == ANSWER
    assert len(upstream.requests) == 7


async def test_breaker_opens_when_streams_are_cut_again_and_again(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    upstream.behave("cut_clean", model="model-a")
    for _ in range(5):
        with pytest.raises(ModelStreamBroken):
            await collect(engine, make_request())
    assert join_text(await collect(engine, make_request())) == ANSWER
    assert list_models_asked(upstream) == [*["model-a"] * 5, "model-b"]


async def test_filtered_reply_is_told_when_it_has_no_text(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    upstream.behave("filtered", text="")
    events = await collect(engine, make_request())
    assert join_text(events) == ""
    assert events[-1] == Finished("content_filter")


async def test_local_server_is_not_reached_through_a_proxy(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert join_text(await collect(engine, make_request())) == ANSWER


@pytest.mark.parametrize(
    "mode", ["500", "400", "401", "garbage", "bad_chunk", "html", "error_event"]
)
async def test_upstream_text_is_neither_shown_nor_logged(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    caplog: pytest.LogCaptureFixture,
    mode: str,
) -> None:
    caplog.set_level(logging.INFO)
    upstream.behave(mode)
    with pytest.raises(ModelError) as caught:
        await collect(engine, make_request())
    logging.getLogger("test").error("seen", exc_info=caught.value)
    assert "SECRET-BODY-TEXT" not in str(caught.value) + repr(caught.value) + caplog.text
    assert "key-one" not in caplog.text
    assert fingerprint("key-one") in caplog.text


async def test_upstream_sees_the_end_when_the_reader_leaves_early(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    upstream.behave("stall", count=1)
    async with aclosing(engine.stream_reply(make_request())) as events:
        await anext(events)
    async with asyncio.timeout(5):
        await upstream.left.wait()
    assert join_text(await collect(engine, make_request())) == ANSWER


async def test_replies_do_not_mix_when_they_run_at_once(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    texts = [f"Answer number {number} is only for you." for number in range(20)]
    for number, text in enumerate(texts):
        upstream.behave(text=text, contains=f"<{number}>")
    prompts = [(ChatMessage("user", f"Question <{number}>"),) for number in range(20)]
    replies = await asyncio.gather(
        *(collect(engine, make_request(messages=prompt)) for prompt in prompts)
    )
    assert [join_text(reply) for reply in replies] == texts


async def test_clients_work_again_after_they_were_closed(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    await collect(engine, make_request())
    await close_clients()
    assert join_text(await collect(engine, make_request())) == ANSWER
