"""Celery's entrances to the assistant; thin on purpose."""

from celery import shared_task

from assistant.cache import drop_old
from assistant.carrying_out import carry_out
from assistant.pruning import prune
from assistant.summaries import summarise_conversation
from assistant.turns import run_turn
from core.background import run_async
from llm.types import Tier


@shared_task
def answer_turn(turn_id: int) -> None:
    """Answer one turn on the worker's event loop; duplicates are harmless."""
    run_async(run_turn(turn_id))


@shared_task
def run_action(call_id: int) -> None:
    """Carry out one confirmed action; duplicates are harmless."""
    run_async(carry_out(call_id))


@shared_task
def summarise_conversation_task(conversation_id: int, tier: Tier) -> None:
    """Sum up what soon no longer fits into a prompt of ``tier``; duplicates are harmless."""
    run_async(summarise_conversation(conversation_id, tier=tier))


@shared_task
def drop_old_answers_task() -> None:
    """Forget the kept answers that are too old to be given again."""
    drop_old()


@shared_task
def prune_task() -> None:
    """Delete what turns saw and models cost when it is old enough."""
    prune()
