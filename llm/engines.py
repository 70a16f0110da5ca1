"""Which engine writes the replies of this process; no SDK is imported before one needs it."""

from collections.abc import Sequence
from functools import cache

from django.conf import settings

from llm.errors import ModelUnavailable
from llm.extractive import HAND_OFF_TOOL_NAME, ExtractiveEngine
from llm.keys import key_ring
from llm.types import ChatMessage, Engine, ModerationVerdict, ToolSpec

HAND_OFF_TOOL = ToolSpec(
    name=HAND_OFF_TOOL_NAME,
    description=(
        "Hand the conversation to a person of the support team. Call it instead of answering "
        "when the customer asks for a person, when the passages do not hold the answer, or "
        "when the decision is not yours to make."
    ),
    parameters={
        "type": "object",
        "properties": {
            "reason": {
                "type": "string",
                "enum": ["asked_for_person", "cannot_answer", "must_not_decide"],
                "description": "Why a person is needed.",
            },
            "detail": {
                "type": "string",
                "description": "One short sentence for the person who takes over.",
            },
        },
        "required": ["reason", "detail"],
        "additionalProperties": False,
    },
)


def choose_engine() -> Engine:
    """Return the OpenAI engine when a key is configured, else the extractive one."""
    return _openai_engine() if key_ring().list_keys() else extractive_engine()


@cache
def extractive_engine() -> Engine:
    """Return this process's extractive engine."""
    return ExtractiveEngine()


async def moderate(text: str) -> ModerationVerdict | None:
    """Ask the moderation model; None where there is none or it does not answer in 2 s."""
    if not settings.OPENAI_MODERATION_MODEL or not key_ring().list_keys():
        return None
    # Imported late: without a key the SDK costs a second and 60 MB for nothing.
    from llm import client

    return await client.moderate(text)


def has_small_model() -> bool:
    """Say whether short tasks can be given to a model."""
    return bool(settings.OPENAI_SMALL_MODEL and key_ring().list_keys())


async def complete(messages: Sequence[ChatMessage], *, seconds: float) -> str:
    """Return the small model's short reply, whole; raises `ModelError`, without one too."""
    if not has_small_model():
        raise ModelUnavailable
    from llm import client

    return await client.complete(messages, seconds=seconds)


@cache
def _openai_engine() -> Engine:
    # Imported late: web processes read this module and must never load the SDK.
    from llm.client import OpenAIEngine

    return OpenAIEngine()
