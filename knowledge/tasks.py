"""Celery's entrances to the articles; thin on purpose."""

from celery import shared_task

from knowledge.indexing import index_article, index_stale_articles


@shared_task
def index_article_task(article_id: int) -> None:
    """Index one article; duplicates are harmless."""
    index_article(article_id)


@shared_task
def index_stale_articles_task() -> None:
    """Index what a lost task left behind."""
    index_stale_articles()
