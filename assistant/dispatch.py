"""Sends turns, confirmed actions and requests for help to the workers.

The fast path only: their rows are the outbox.
"""

import logging
import threading
from collections.abc import Iterable

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from core.realtime import counters
from llm.types import Tier

logger = logging.getLogger(__name__)
ANSWER_TURN = "assistant.tasks.answer_turn"
RUN_ACTION = "assistant.tasks.run_action"
RUN_HELP = "assistant.helper_tasks.run_help_task"
SUMMARISE = "assistant.tasks.summarise_conversation_task"


def publish_turn(turn_pk: int) -> bool:
    """Send the task by its name, one try; a failure is counted and left to the relay.

    By name, because importing the task would import the model's SDK into the web process.
    """
    return _publish(ANSWER_TURN, turn_pk)


def _publish(task: str, pk: int) -> bool:
    try:
        current_app.send_task(task, args=[pk], retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        counters["turns_not_published"] += 1
        logger.warning("%s %s left to the relay: %s", task, pk, type(error).__name__)
        return False
    return True


def publish_summary(conversation_pk: int, *, tier: Tier) -> bool:
    """Ask for a summary, one try; one that is lost is asked for again by the next turn."""
    try:
        current_app.send_task(
            SUMMARISE, args=[conversation_pk, tier], retry=False, ignore_result=True
        )
    except (OperationalError, OSError) as error:
        logger.info("no summary asked for: %s", type(error).__name__)
        return False
    return True


def publish_turns(turn_pks: Iterable[int]) -> int:
    """Send several; stop at the first failure, the rest would fail as slowly."""
    sent = 0
    for turn_pk in turn_pks:
        if not publish_turn(turn_pk):
            break
        sent += 1
    return sent


class _Sender:
    """One thread that publishes after commits, so that no acknowledgement waits for Redis."""

    def __init__(self) -> None:
        self._pending: list[tuple[str, int]] = []
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def send(self, task: str, pk: int) -> None:
        with self._condition:
            if len(self._pending) < 1_000:  # the relay has the others
                self._pending.append((task, pk))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)
                self._thread.start()
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._pending:
                    self._condition.wait()
                batch, self._pending = self._pending, []
            # Stop at the first failure: the rest would fail as slowly.
            all(_publish(task, pk) for task, pk in batch)


_sender = _Sender()


def publish_on_commit(turn_pk: int) -> None:
    """Send the turn to the workers once (and only if) the transaction commits."""
    transaction.on_commit(lambda: _sender.send(ANSWER_TURN, turn_pk))


def publish_action_on_commit(call_pk: int) -> None:
    """Send a confirmed action to the workers once (and only if) the transaction commits."""
    transaction.on_commit(lambda: _sender.send(RUN_ACTION, call_pk))


def publish_help_on_commit(run_pk: int) -> None:
    """Send a request for help to the workers once (and only if) the transaction commits."""
    transaction.on_commit(lambda: _sender.send(RUN_HELP, run_pk))
