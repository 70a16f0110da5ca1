"""A reply request in the words of the chat completions API."""

import json
from typing import TYPE_CHECKING, cast

from llm.types import ChatMessage, ToolCallRequest, ToolSpec

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam


def to_message_param(message: ChatMessage) -> "ChatCompletionMessageParam":
    """Return one message as the API takes it."""
    param: dict[str, object] = {"role": message.role, "content": message.content}
    if message.tool_call_id is not None:
        param["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        param["tool_calls"] = [_to_tool_call_param(call) for call in message.tool_calls]
    return cast("ChatCompletionMessageParam", param)


def to_tool_param(tool: ToolSpec) -> "ChatCompletionFunctionToolParam":
    """Return one tool as the API takes it."""
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
        },
    }


def _to_tool_call_param(call: ToolCallRequest) -> dict[str, object]:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {
        "id": call.call_id,
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }
