"""Celery's entrances to the articles; thin on purpose."""

import logging
from time import time
from typing import Any

from celery import Task, shared_task
from kombu.exceptions import OperationalError

from knowledge.embedding import embed_article, embed_next_gap
from knowledge.indexing import index_stale_articles, index_words

logger = logging.getLogger(__name__)
# The broker's 0 goes first. Words of all edited articles come before anybody's vectors, and
# these before the vectors of a whole site.
EMBED_PRIORITY = 3
GAP_PRIORITY = 9
SWEEP_SECONDS = 60  # as the schedule has it


@shared_task
def index_article_task(article_id: int) -> None:
    """Index one article's words, and have its vectors written after; duplicates are harmless."""
    index_words(article_id)
    _send(embed_article_task, article_id, priority=EMBED_PRIORITY)


@shared_task
def embed_article_task(article_id: int) -> None:
    """Write one article's missing vectors."""
    embed_article(article_id)


@shared_task
def index_stale_articles_task() -> None:
    """Make up for lost tasks, and begin on the vectors that are missing."""
    index_stale_articles()
    _send(embed_missing_task, time() + SWEEP_SECONDS, priority=GAP_PRIORITY)


@shared_task
def embed_missing_task(until: float) -> None:
    """Write a few missing vectors, then queue up again behind the articles that changed.

    ``until`` the next sweep begins anew: so there is one such chain, whatever is lost.
    """
    if time() < until and embed_next_gap():
        _send(embed_missing_task, until, priority=GAP_PRIORITY)


def _send(task: Task[Any, None], argument: float, *, priority: int) -> None:
    """Send a task, one try: the next sweep makes up for it."""
    try:
        task.apply_async(args=(argument,), queue="bulk", priority=priority, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("%s left to the sweep: %s", task.name, type(error).__name__)
