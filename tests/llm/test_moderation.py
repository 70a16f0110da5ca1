"""Verdicts of the moderation model, and none when it fails."""

import asyncio

import pytest
from pytest_django import Settings

from llm.moderating import moderate
from tests.upstream.server import UpstreamServer


@pytest.mark.parametrize("flagged", [(), ("violence", "self-harm/intent")])
async def test_moderation_gives_its_verdict(
    upstream: UpstreamServer, flagged: tuple[str, ...]
) -> None:
    upstream.behave(flagged=flagged)
    verdict = await moderate("some text")
    assert verdict is not None
    assert verdict.flagged == bool(flagged)
    assert set(verdict.categories) == set(flagged)
    assert upstream.requests[0]["errors"] == []
    assert upstream.requests[0]["body"] == {"input": "some text", "model": "moderation-a"}


@pytest.mark.parametrize("mode", ["hang", "500", "401", "429"])
async def test_moderation_gives_no_verdict_when_the_upstream_fails(
    upstream: UpstreamServer, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr("llm.moderating.MODERATION_SECONDS", 0.5)
    upstream.behave(mode)
    assert await moderate("some text") is None
    assert len(upstream.requests) == 1


async def test_moderation_is_spared_when_the_upstream_stays_down(
    upstream: UpstreamServer,
) -> None:
    upstream.behave("500")
    assert [await moderate("some text") for _ in range(7)] == [None] * 7
    assert len(upstream.requests) == 5


async def test_moderation_is_not_asked_when_it_is_switched_off(
    upstream: UpstreamServer, settings: Settings
) -> None:
    settings.OPENAI_MODERATION_MODEL = ""
    assert await moderate("some text") is None
    assert upstream.requests == []


async def test_texts_when_they_come_at_once_share_requests_and_keep_their_own_verdicts(
    upstream: UpstreamServer,
) -> None:
    upstream.behave(flagged=["violence"], contains="bad")
    texts = [f"{'bad' if number % 3 == 0 else 'good'} text {number}" for number in range(40)]
    verdicts = await asyncio.gather(*map(moderate, texts))
    assert [verdict and verdict.flagged for verdict in verdicts] == [
        text.startswith("bad") for text in texts
    ]
    assert [len(one["body"]["input"]) for one in upstream.requests] == [32, 8]
    assert not any(one["errors"] for one in upstream.requests)


async def test_batch_when_it_fails_takes_no_other_along(upstream: UpstreamServer) -> None:
    upstream.behave("500", contains="text 0 ")
    verdicts = await asyncio.gather(*(moderate(f"text {number} ") for number in range(40)))
    assert verdicts[:32] == [None] * 32
    assert all(verdict is not None for verdict in verdicts[32:])
