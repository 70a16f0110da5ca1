"""The hard cap on what is asked of a paid model."""

from django.conf import settings

from core.errors import RateLimited
from core.limits import check_rate

DAY_SECONDS = 86_400


def reserve_model_turn() -> bool:
    """Count one turn against the day's cap before the model is asked; false when it is spent."""
    try:
        check_rate(
            "model_turns", "all", limit=settings.OPENAI_TURNS_A_DAY, window_seconds=DAY_SECONDS
        )
    except RateLimited:
        return False
    return True
