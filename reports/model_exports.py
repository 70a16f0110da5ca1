"""The CSV of models and money."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from django.db.models import F, QuerySet

from assistant.models import Turn
from reports.exports import paged_lines, table_lines
from reports.model_figures import KindFigures, SpendDay
from reports.model_queries import KIND

KIND_COLUMNS: Final = (
    "label", "turns", "share", "confirmed", "assumed", "handed_off", "helpful", "unhelpful",
    "withdrawn", "prompt_tokens", "completion_tokens", "cached_tokens", "cached_share", "cost",
    "unpriced", "cost_per_confirmed", "half_within", "most_within",
)  # fmt: skip
SPEND_COLUMNS: Final = ("day", "usd", "usd_share", "tokens", "token_share", "alarm")
TURN_COLUMNS: Final[dict[str, Any]] = {
    "turn": F("public_id"),
    "conversation": F("conversation__public_id"),
    "site": F("conversation__site__key"),
    "sample": F("conversation__is_sample"),
    "created_at": F("created_at"),
    "finished_at": F("finished_at"),
    "kind": KIND,
    "outcome": F("outcome"),
    "hand_off_reason": F("hand_off_reason"),
    "tier": F("tier"),
    "tier_reason": F("tier_reason"),
    "engine": F("engine"),
    "model": F("model"),
    "prompt_version": F("prompt_version"),
    "confidence": F("confidence"),
    "helpful": F("message__helpful"),
    "prompt_tokens": F("prompt_tokens"),
    "completion_tokens": F("completion_tokens"),
    "cached_tokens": F("cached_tokens"),
    "cost": F("cost"),
    "error_code": F("error_code"),
}


async def kind_lines(rows: Sequence[KindFigures]) -> AsyncIterator[str]:
    """Yield the CSV of the table of kinds; durations in seconds, money in US dollars."""
    async for piece in table_lines(rows, columns=KIND_COLUMNS):
        yield piece


async def spend_lines(days: Sequence[SpendDay]) -> AsyncIterator[str]:
    """Yield the CSV of what each day cost."""
    async for piece in table_lines(days, columns=SPEND_COLUMNS):
        yield piece


async def turn_lines(of: QuerySet[Turn]) -> AsyncIterator[str]:
    """Yield the CSV of one row a turn."""
    async for piece in paged_lines(of, columns=TURN_COLUMNS):
        yield piece
