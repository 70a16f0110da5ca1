"""Which engine writes the replies of this process; no SDK is imported before one needs it."""

from collections.abc import Mapping, Sequence
from functools import cache

from django.conf import settings

from llm.capabilities import capabilities_of, read_capabilities
from llm.errors import ModelUnavailable
from llm.extractive import HAND_OFF_TOOL_NAME, ExtractiveEngine
from llm.keys import key_ring
from llm.tiers import models_of
from llm.types import ChatMessage, Completion, Engine, ModerationVerdict, Tier, ToolSpec

MAX_SHORT_TOKENS = 120

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
    from llm import moderating

    return await moderating.moderate(text)


def has_small_model() -> bool:
    """Say whether short tasks can be given to a model."""
    return bool(models_of("small") and key_ring().list_keys())


def wants_structure(tier: Tier) -> bool:
    """Say whether a tier's replies come with a verdict; needs the database now and then."""
    read_capabilities()
    models = models_of(tier) or models_of("standard")
    return bool(models) and capabilities_of(models[0]).structured_output


async def complete(
    messages: Sequence[ChatMessage],
    *,
    seconds: float,
    tier: Tier = "small",
    max_tokens: int = MAX_SHORT_TOKENS,
    schema: Mapping[str, object] | None = None,
) -> Completion:
    """Return a short reply, whole; raises `ModelError`, without a model too."""
    if not models_of(tier) or not key_ring().list_keys():
        raise ModelUnavailable
    from llm import client

    return await client.complete(
        messages, seconds=seconds, tier=tier, max_tokens=max_tokens, schema=schema
    )


@cache
def _openai_engine() -> Engine:
    # Imported late: web processes read this module and must never load the SDK.
    from llm.client import OpenAIEngine

    return OpenAIEngine()
