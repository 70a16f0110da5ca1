"""``manage.py relay``: the process that leaves nothing lying."""

import logging
import signal
import threading
from itertools import count
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from assistant.relay import bring_back_turns, run_once

logger = logging.getLogger(__name__)
ROUND_SECONDS = 1.0
# Most of what is asked in a whole round concerns nothing that anybody waits for at the moment.
ROUNDS_TO_ALL = 5


class Command(BaseCommand):
    """Runs until it is told to stop; two may run.

    Each second it looks for turns, and every fifth time for all that it looks after.
    """

    help = "Republish lost turns, reclaim dead workers' turns, end overdue ones, close idle chats."

    def handle(self, *args: Any, **options: Any) -> None:
        """Loop; a database that is away costs rounds, not the process."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        for round_ in count():
            if stop.is_set():
                return
            try:
                done = bring_back_turns() if round_ % ROUNDS_TO_ALL else run_once()
                if any(done.values()):
                    logger.info("relay %s", done)
            except Error as error:
                logger.warning("relay round missed: %s", type(error).__name__)
            finally:
                close_old_connections()
            stop.wait(ROUND_SECONDS)
