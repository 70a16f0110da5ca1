"""Many clients that use the budget at once, and how long each waited for it."""

import random
import statistics
import threading
import time
from dataclasses import dataclass, field

from django.db import connection

from assistant.budget import Purpose, reserve, settle
from llm.types import Usage


@dataclass
class Hammering:
    """What the clients met: grants by tier, seconds of each reserving, what was booked last."""

    waits: list[float] = field(default_factory=list)
    granted: int = 0
    refused: int = 0
    errors: list[Exception] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the figures for a page."""
        return (
            f"{self.granted} granted, {self.refused} refused, "
            f"p50 {self.percentile(0.5):.1f} ms, p95 {self.percentile(0.95):.1f} ms"
        )

    def percentile(self, share: float) -> float:
        """Return how many milliseconds a share of the reservations took at most."""
        cuts = statistics.quantiles(self.waits, n=100, method="inclusive")
        return cuts[round(share * 100) - 1] * 1000


def hammer(
    site_pk: int, *, clients: int, seconds: float, prompt_tokens: int = 1000, completion: int = 500
) -> Hammering:
    """Let so many threads reserve and settle until the time is over."""
    met = Hammering()
    ends_at = time.monotonic() + seconds
    start = threading.Barrier(clients)

    def work(number: int) -> None:
        dice = random.Random(number)
        try:
            start.wait(timeout=30)
            while time.monotonic() < ends_at:
                _use_once(met, Purpose("answer", site_pk), dice, prompt_tokens, completion)
        except Exception as error:
            met.errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=seconds + 60)
    return met


def _use_once(
    met: Hammering, purpose: Purpose, dice: random.Random, prompt_tokens: int, completion: int
) -> None:
    began = time.monotonic()
    grant = reserve(
        purpose, wanted="strong", prompt_tokens=prompt_tokens, max_completion_tokens=completion
    )
    met.waits.append(time.monotonic() - began)
    if grant.tier is None or grant.reservation_pk is None:
        met.refused += 1
        return
    met.granted += 1
    # Up to both attempts in full: as much as was set apart.
    used = [
        Usage(grant.tier, prompt_tokens, dice.randint(1, completion), cached_tokens=0)
        for _ in range(dice.randint(1, 2))
    ]
    settle(grant.reservation_pk, used)
