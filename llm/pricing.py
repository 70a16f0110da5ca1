"""What replies cost, by the prices that managers keep."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from llm.models import ModelPrice
from llm.tokens import SNAPSHOT
from llm.types import Usage

MILLION: Final = Decimal(1_000_000)
MICRO: Final = Decimal("0.000001")
REREAD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: Decimal
    cached_input: Decimal
    output: Decimal

    def of(self, *, prompt: int, cached: int, completion: int) -> Decimal:
        """Return the cost of so many tokens in US dollars; ``cached`` are among ``prompt``."""
        cached = min(cached, prompt)
        total = (
            self.input * (prompt - cached) + self.cached_input * cached + self.output * completion
        )
        return (total / MILLION).quantize(MICRO)


def price_of(model: str) -> Price | None:
    """Return a model's price, or that of the model it is a snapshot of; needs the database."""
    prices = _prices()
    # A dated snapshot costs what its model does: gpt-4.1-mini-2025-04-14.
    return prices.get(model) or prices.get(SNAPSHOT.sub("", model))


def cost_of(usage: Usage) -> Decimal | None:
    """Return what a reply cost in US dollars; None of a model without a price."""
    price = price_of(usage.model)
    if price is None:
        return None
    return price.of(
        prompt=usage.prompt_tokens, cached=usage.cached_tokens, completion=usage.completion_tokens
    )


def total_cost(usages: Iterable[Usage]) -> Decimal | None:
    """Return the sum over replies; None where no reply has a price."""
    costs = [cost for usage in usages if (cost := cost_of(usage)) is not None]
    return sum(costs, Decimal(0)) if costs else None


def forget_prices() -> None:
    """Let the next look read the rows again."""
    with _lock:
        _kept.clear()


def _prices() -> Mapping[str, Price]:
    with _lock:
        kept = _kept.get("")
        if kept is None or time.monotonic() - kept[0] > REREAD_SECONDS:
            rows = {
                row.model: Price(row.input_usd, row.cached_input_usd, row.output_usd)
                for row in ModelPrice.objects.all()
            }
            kept = _kept[""] = (time.monotonic(), rows)
        return kept[1]


_kept: dict[str, tuple[float, Mapping[str, Price]]] = {}
_lock = threading.Lock()
