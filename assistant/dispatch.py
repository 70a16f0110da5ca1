"""Sends turns to the workers: the fast path; the turn's row is the outbox."""

import logging
import threading
from collections.abc import Iterable

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from core.realtime import counters

logger = logging.getLogger(__name__)
ANSWER_TURN = "assistant.tasks.answer_turn"


def publish_turn(turn_pk: int) -> bool:
    """Send the task by its name, one try; a failure is counted and left to the relay.

    By name, because importing the task would import the model's SDK into the web process.
    """
    try:
        current_app.send_task(ANSWER_TURN, args=[turn_pk], retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        counters["turns_not_published"] += 1
        logger.warning("turn %s left to the relay: %s", turn_pk, type(error).__name__)
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
        self._pending: list[int] = []
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None

    def send(self, turn_pk: int) -> None:
        with self._condition:
            if len(self._pending) < 1_000:  # the relay has the others
                self._pending.append(turn_pk)
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
            publish_turns(batch)


_sender = _Sender()


def publish_on_commit(turn_pk: int) -> None:
    """Send the turn to the workers once (and only if) the transaction commits."""
    transaction.on_commit(lambda: _sender.send(turn_pk))
