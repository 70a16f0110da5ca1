"""A worker's pool whose turns don't search: each gets the passages that one question found.

All else is the product's own: planning, confidence, guardrails and what is stored.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from supportbot.pool import AsyncTaskPool

if TYPE_CHECKING:
    from knowledge.retrieval import Retrieval

QUESTION = "how long is the warranty on a backpack"


class PoolWithoutSearch(AsyncTaskPool):
    """The product's own, once it has replaced the search."""

    def on_start(self) -> None:
        """Replace what plans search by, then start as usual."""
        # Celery imports pools before models can be imported, here and below.
        from assistant import planning

        planning.retrieve = _retrieve_the_same
        super().on_start()


def _retrieve_the_same(
    site_id: int,
    _question: str,
    *,
    locale: str,
    limit: int,
    redact: Callable[[str], str],
) -> "Retrieval":
    del redact
    return find_once(site_id, locale=locale, limit=limit)


@cache
def find_once(site_id: int, *, locale: str, limit: int) -> "Retrieval":
    """Return what the real search finds, which is asked once."""
    from knowledge.retrieval import retrieve

    return retrieve(site_id, QUESTION, locale=locale, limit=limit)
