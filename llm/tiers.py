"""Which models a tier has: the first is asked, the others where it fails."""

from collections.abc import Mapping, Sequence

from django.conf import settings

from llm.types import TIERS, Tier


def models_of(tier: Tier) -> tuple[str, ...]:
    """Return a tier's models in their order; one that names none has the next cheaper tier's.

    Without a small model the small tier has none: rules do its tasks.
    """
    configured: Mapping[Tier, Sequence[str]] = {
        "small": settings.OPENAI_SMALL_MODELS,
        "standard": settings.OPENAI_MODELS,
        "strong": settings.OPENAI_STRONG_MODELS or settings.OPENAI_MODELS,
    }
    return tuple(configured[tier])


def configured_models() -> Mapping[str, Sequence[Tier]]:
    """Return every model once, with the tiers that it serves."""
    found: dict[str, list[Tier]] = {}
    for tier in TIERS:
        for model in models_of(tier):
            found.setdefault(model, []).append(tier)
    return found
