"""Whatever dies in mid-conversation: nothing lost, nothing doubled, in order, always an end."""

import contextlib
from collections.abc import Iterator

import pytest

from supportbot.embedded import EmbeddedServers
from supportbot.embedded.errors import EmbeddedError
from tests.live.chat import Customer
from tests.live.conftest import StackMaker, Upstream
from tests.live.processes import Stack
from tests.servers import servers

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
QUESTION = "How long do I have to return something?"
ANSWER = "You can return unused items within 30 days of delivery [1]. " * 4


async def test_answer_is_streamed_with_its_sources(with_openai: Stack, upstream: Upstream) -> None:
    upstream.behave("stream", text=ANSWER, tokens_per_s=50)
    async with Customer(with_openai.url) as customer:
        await customer.say(QUESTION)
        await customer.until_answered()
        answer = customer.said_by("assistant")[0]
        streamed = "".join(frame["text"] for frame in customer.of("delta"))
        assert len(customer.of("delta")) > 1
        assert answer["citations"]
        # The message may overtake the last piece of its preview, and ends it.
        assert answer["text"].startswith(streamed.strip())
        assert not customer.faults()
    asked = upstream.requests()
    assert asked
    assert not [request for request in asked if request.get("errors")]


async def test_kill_of_the_worker_in_mid_answer(with_openai: Stack, upstream: Upstream) -> None:
    upstream.behave("slow", text=ANSWER, tokens_per_s=10, count=1)
    upstream.behave("stream", text=ANSWER)
    async with Customer(with_openai.url) as customer:
        await customer.say(QUESTION)
        await customer.until(lambda: bool(customer.of("delta")))
        with_openai.kill("worker")
        with_openai.start("worker")
        await customer.until_answered(seconds=60)
        await customer.say("Thanks!")
        await customer.until_answered(times=2)
        assert not customer.faults()
        assert len(customer.said_by("assistant")) == 2


async def test_kill_of_the_web_server_in_mid_answer(with_openai: Stack, upstream: Upstream) -> None:
    upstream.behave("slow", text=ANSWER, tokens_per_s=15)
    async with Customer(with_openai.url) as customer:
        await customer.say(QUESTION)
        await customer.until(lambda: bool(customer.of("delta")))
        with_openai.kill("web")
        await customer.say("Hello?")
        with_openai.start("web")
        await customer.until_answered(seconds=60)
        await customer.until(lambda: len(customer.journal.acknowledged) == 2)
        await customer.until(lambda: len(customer.said_by("customer")) == 2)
        await customer.until_answered(times=2)
        assert not customer.faults()


@pytest.fixture
def mortal_valkey() -> Iterator[EmbeddedServers]:
    """The servers; whatever the test did to Valkey, it runs afterwards.

    Started from the main thread: a child dies with the thread that made it.
    """
    yield servers
    with contextlib.suppress(EmbeddedError):
        servers.kill_valkey()
    servers.start_valkey()


async def test_kill_of_valkey_delays_and_loses_nothing(
    start_stack: StackMaker, mortal_valkey: EmbeddedServers
) -> None:
    stack = start_stack()
    async with Customer(stack.url) as customer:
        await customer.say(QUESTION)
        await customer.until_answered()
        mortal_valkey.kill_valkey()
        await customer.say("What does standard shipping cost?")
        await customer.until(lambda: len(customer.journal.acknowledged) == 2, seconds=10)
        await customer.until_answered(times=2, seconds=30)
        mortal_valkey.start_valkey()
        await customer.say("Do gift cards expire?")
        await customer.until_answered(times=3, seconds=30)
        assert not customer.faults()


@pytest.mark.parametrize(
    "mode",
    ["429", "500", "quota", "401", "cut", "cut_clean", "garbage", "html", "bad_utf8", "stall"],
)
async def test_upstream_fault_still_ends_in_an_answer(
    with_openai: Stack, upstream: Upstream, mode: str
) -> None:
    upstream.behave(mode)
    async with Customer(with_openai.url) as customer:
        await customer.say(QUESTION)
        await customer.until_answered(seconds=90)
        answer = customer.said_by("assistant")[0]
        assert "30 days" in answer["text"]
        assert customer.status == "assistant"
        assert not customer.faults()


async def test_upstream_hand_off_by_tool_call_goes_to_the_queue(
    with_openai: Stack, upstream: Upstream
) -> None:
    upstream.behave("tool_call")
    async with Customer(with_openai.url) as customer:
        await customer.say(QUESTION)
        await customer.until(lambda: customer.status == "waiting")
        assert customer.of("status")[-1]["position"] >= 1
