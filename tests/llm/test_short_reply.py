"""Short replies of the small model, against a local server that speaks the protocol."""

import pytest
from pytest_django import Settings

from llm.engines import complete
from llm.errors import ModelDeadlineExceeded, ModelError, ModelKeyRejected, ModelUnavailable
from llm.types import ChatMessage
from tests.upstream.server import UpstreamServer


async def test_short_reply_comes_whole_from_the_small_model(
    upstream: UpstreamServer, settings: Settings
) -> None:
    settings.OPENAI_SMALL_MODELS = ["model-small"]
    upstream.behave(text="How long can I return shoes?")
    messages = (ChatMessage("system", "Rewrite."), ChatMessage("user", "and for shoes?"))
    completion = await complete(messages, seconds=5.0)
    assert completion.text == "How long can I return shoes?"
    assert completion.usage is not None
    (request,) = upstream.requests
    assert request["body"]["model"] == "model-small"
    assert request["errors"] == []
    assert not request["body"].get("stream")


@pytest.mark.parametrize(
    ("mode", "error"),
    [("500", ModelUnavailable), ("401", ModelKeyRejected), ("hang", ModelDeadlineExceeded)],
)
async def test_short_reply_is_tried_once_and_ends_in_its_deadline(
    upstream: UpstreamServer, settings: Settings, mode: str, error: type[ModelError]
) -> None:
    settings.OPENAI_SMALL_MODELS = ["model-small"]
    upstream.behave(mode)
    with pytest.raises(error):
        await complete((ChatMessage("user", "and for shoes?"),), seconds=0.5)
    assert len(upstream.requests) == 1


async def test_short_reply_is_refused_without_a_small_model(
    upstream: UpstreamServer, settings: Settings
) -> None:
    settings.OPENAI_SMALL_MODELS = []
    with pytest.raises(ModelUnavailable):
        await complete((ChatMessage("user", "and for shoes?"),), seconds=0.5)
    assert not upstream.requests
