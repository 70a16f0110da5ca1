"""Structured replies through the real client: streamed while they are parsed."""

import json

import pytest

from llm.capabilities import Capabilities
from llm.client import OpenAIEngine
from llm.errors import ModelError, ModelStreamBroken
from llm.types import Finished, ReplyEvent, TextDelta, Usage, Verdict
from tests.llm.conftest import MakeRequest, collect, join_text
from tests.upstream.server import UpstreamServer

REPLY = {
    "needs_human": False,
    "reason": "",
    "detail": "",
    "language": "en",
    "answer": 'Parcels arrive in "three" days.\nÜber 50 € free \U0001f600.',
    "citations": ["p1", "p2"],
    "confidence": 0.75,
}


@pytest.fixture(autouse=True)
def _capable(monkeypatch: pytest.MonkeyPatch) -> None:
    can = Capabilities(structured_output=True, logprobs=True)
    monkeypatch.setattr("llm.client.capabilities_of", lambda model: can)


@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize("piece", range(1, 8))
async def test_answer_when_it_comes_in_pieces_is_streamed_and_followed_by_its_verdict(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    piece: int,
    is_ascii: bool,
) -> None:
    text = json.dumps(REPLY, ensure_ascii=is_ascii)
    upstream.behave(text=text, piece=piece, logprob=-0.25, tokens_per_s=len(text) / piece / 0.7)
    events = await collect(engine, make_request(wants_verdict=True))
    assert join_text(events) == REPLY["answer"]
    assert sum(isinstance(event, TextDelta) for event in events) > 2
    verdict, usage, finished = events[-3:]
    assert verdict == Verdict(
        citations=("p1", "p2"), confidence=0.75, language="en", needs_human=False
    )
    assert isinstance(usage, Usage)
    assert finished == Finished("stop", mean_logprob=-0.25)
    assert upstream.requests[0]["errors"] == []


async def test_first_words_when_the_rest_is_cut_off_were_shown_before(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    text = json.dumps(REPLY, ensure_ascii=False)
    upstream.behave("cut", text=text, piece=4, cut_after=text.index("days") // 4)
    seen: list[ReplyEvent] = []

    async def follow() -> None:
        async for event in engine.stream_reply(make_request(wants_verdict=True)):
            seen.append(event)

    with pytest.raises(ModelStreamBroken):
        await follow()
    shown = join_text(seen)
    assert shown.startswith('Parcels arrive in "three"')


async def test_person_when_one_is_needed_is_told_and_no_answer_shown(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    wish = {"needs_human": True, "reason": "must_not_decide", "detail": "A refund."}
    upstream.behave(text=json.dumps(REPLY | wish), piece=3)
    events = await collect(engine, make_request(wants_verdict=True))
    assert join_text(events) == ""
    verdict = next(event for event in events if isinstance(event, Verdict))
    assert (verdict.needs_human, verdict.reason) == (True, "must_not_decide")
    assert verdict.detail == "A refund."


@pytest.mark.parametrize("kept", [1, 30, 90, -1])
async def test_reply_when_the_json_ends_too_early_is_broken(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest, kept: int
) -> None:
    upstream.behave(text=json.dumps(REPLY)[:kept], piece=5)
    with pytest.raises(ModelStreamBroken):
        await collect(engine, make_request(wants_verdict=True))


@pytest.mark.parametrize("field", ['"needs_human": maybe', '"answer": 5'])
async def test_reply_when_the_json_is_wrong_is_an_error_of_the_model(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest, field: str
) -> None:
    upstream.behave(text=f'{{{field}, "citations": []}}', piece=5)
    with pytest.raises(ModelError):
        await collect(engine, make_request(wants_verdict=True))


async def test_reply_when_the_server_ignores_the_form_is_plain_text(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    upstream.behave(text="Within three days [1].", piece=2)
    events = await collect(engine, make_request(wants_verdict=True))
    assert join_text(events) == "Within three days [1]."
    assert not [event for event in events if isinstance(event, Verdict)]


async def test_log_probabilities_when_the_upstream_says_nonsense_are_left_out(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    upstream.behave(logprob=-9999.0)
    events = await collect(engine, make_request())
    assert events[-1] == Finished("stop", mean_logprob=-20.0)
