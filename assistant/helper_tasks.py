"""Celery's entrance to help for people; on a queue of its own, so that customers never wait."""

from celery import shared_task

from assistant.helping.running import run_help
from core.background import run_async


@shared_task
def run_help_task(run_id: int) -> None:
    """Carry out one request for help; duplicates are harmless."""
    run_async(run_help(run_id))
