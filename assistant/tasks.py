"""Celery's entrances to the assistant; thin on purpose."""

from celery import shared_task

from assistant.turns import run_turn
from core.background import run_async


@shared_task
def answer_turn(turn_id: int) -> None:
    """Answer one turn on the worker's event loop; duplicates are harmless."""
    run_async(run_turn(turn_id))
