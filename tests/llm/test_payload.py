"""Requests as the API takes them, by our schema and by OpenAI's own document."""

import json
from pathlib import Path

from jsonschema import Draft4Validator

from llm.client import OpenAIEngine
from llm.types import ChatMessage, ToolCallRequest
from tests.llm.conftest import MakeRequest, collect
from tests.upstream.server import UpstreamServer

PUBLISHED_SCHEMA = Path(__file__).parents[3] / "shared/data/openai_chat_openapi.json"


async def test_request_holds_what_the_schema_allows(
    upstream: UpstreamServer, engine: OpenAIEngine, make_request: MakeRequest
) -> None:
    call = ToolCallRequest("call-1", "look_up_order", {"number": "É-1"})
    history = (
        ChatMessage("system", "Be brief."),
        ChatMessage("user", "Where is order É-1?"),
        ChatMessage("assistant", "", tool_calls=(call,)),
        ChatMessage("tool", "It is on its way.", tool_call_id="call-1"),
    )
    await collect(engine, make_request())
    await collect(engine, make_request(messages=history))
    await collect(engine, make_request(tools=(), safety_identifier="", prompt_cache_key=""))
    assert [request["errors"] for request in upstream.requests] == [[], [], []]
    body = upstream.requests[0]["body"]
    assert body["max_completion_tokens"] == 300
    assert body["stream_options"] == {"include_usage": True}
    assert body["tools"][0]["function"]["name"] == "request_hand_off"
    assert (body["safety_identifier"], body["prompt_cache_key"]) == ("f" * 64, "site-demo")
    _validate_as_published(upstream)


def _validate_as_published(upstream: UpstreamServer) -> None:
    """Check the bodies against OpenAI's own document, where it is at hand."""
    if not PUBLISHED_SCHEMA.exists():
        return
    document = json.loads(PUBLISHED_SCHEMA.read_text(encoding="utf-8"))
    schema = {"$ref": "#/components/schemas/CreateChatCompletionRequest", **document}
    validator = Draft4Validator(schema)
    for request in upstream.requests:
        assert [error.message for error in validator.iter_errors(request["body"])] == []
    assert list(validator.iter_errors({"model": "model-a"}))
