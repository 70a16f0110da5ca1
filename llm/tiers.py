"""Which models a tier has: the first is asked, the others where it fails."""

from collections.abc import Mapping, Sequence

from django.conf import settings

from llm.types import Tier


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
