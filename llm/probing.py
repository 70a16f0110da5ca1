"""Asks a compatible server what its models can do: a tiny request for each part."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from openai.types.chat import ChatCompletionChunk

from llm.capabilities import Capabilities, is_openai, store_capabilities, stored_capabilities
from llm.connections import (
    UPSTREAM_ERRORS,
    close_clients,
    get_client,
    timeout,
    translate_error,
)
from llm.errors import ModelBadRequest, ModelError, ModelKeyRejected, ModelUnavailable
from llm.keys import key_ring
from llm.structured import schema_format
from llm.tiers import configured_models

PROBE_SECONDS = 20.0
PROBE_TOKENS = 60
SCHEMA: Final = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
TOOL: Final = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Look something up.",
        "parameters": {"type": "object", "properties": {}},
    },
}

logger = logging.getLogger(__name__)


def unknown_models() -> list[str]:
    """Return the configured models that were never asked; needs the database."""
    if is_openai():
        return []
    stored, server = stored_capabilities(), settings.OPENAI_BASE_URL
    return [model for model in configured_models() if (server, model) not in stored]


def probe_models(models: list[str]) -> dict[str, ModelError | None]:
    """Ask for each model and keep what is found; what failed is told and asked another time."""
    return {model: _probe_and_store(model) for model in models}


def _probe_and_store(model: str) -> ModelError | None:
    try:
        found = asyncio.run(_probe_once(model))
    except ModelError as error:
        logger.warning("model %s not probed: %s", model, error)
        return error
    store_capabilities(model, found)
    logger.info("model %s: %s", model, found)
    return None


async def _probe_once(model: str) -> Capabilities:
    try:
        return await probe(model)
    finally:
        await close_clients()


async def probe(model: str) -> Capabilities:
    """Return what a model takes; raises `ModelError` where the server is not there for it."""
    key = key_ring().find_usable()
    if key is None:
        raise ModelKeyRejected
    # What fails without any extra says nothing about the extras.
    await _ask(model, key=key, extra={})
    return Capabilities(
        structured_output=await _takes(
            model, key=key, extra={"response_format": schema_format(SCHEMA)}
        ),
        tools=await _takes(model, key=key, extra={"tools": [TOOL]}),
        logprobs=await _takes(model, key=key, extra={"logprobs": True}),
        stream_options=await _takes(
            model, key=key, extra={"stream_options": {"include_usage": True}}
        ),
        identifiers=await _takes(
            model, key=key, extra={"safety_identifier": "probe", "prompt_cache_key": "probe"}
        ),
    )


async def _takes(model: str, *, key: str, extra: Mapping[str, Any]) -> bool:
    try:
        chunks = await _ask(model, key=key, extra=extra)
    except ModelBadRequest:
        return False
    except ModelUnavailable as error:
        if error.status in {500, 501}:
            # Some servers trip over what they do not know.
            return False
        raise
    return _is_honoured(next(iter(extra)), chunks)


def _is_honoured(name: str, chunks: list[ChatCompletionChunk]) -> bool:
    """Say whether a server did what it was asked; one that ignores it is as good as without."""
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    if name == "response_format":
        text: str = "".join(choice.delta.content or "" for choice in choices if choice.delta)
        return text.lstrip().startswith("{")
    if name == "logprobs":
        return any(bool(choice.logprobs and choice.logprobs.content) for choice in choices)
    if name == "stream_options":
        return any(chunk.usage is not None for chunk in chunks)
    return True


async def _ask(model: str, *, key: str, extra: Mapping[str, Any]) -> list[ChatCompletionChunk]:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            stream = await get_client(key).chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": 'Reply with {"ok": true}'}],
                max_completion_tokens=PROBE_TOKENS,
                stream=True,
                timeout=timeout(read=PROBE_SECONDS),
                **extra,
            )
            async with stream:
                return [chunk async for chunk in stream]
    except TimeoutError:
        raise ModelUnavailable from None
    except UPSTREAM_ERRORS as error:
        raise translate_error(error, begun=False) from None
