"""``manage.py relay``: the process that leaves nothing lying."""

import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from assistant.relay import run_once

logger = logging.getLogger(__name__)
ROUND_SECONDS = 1.0


class Command(BaseCommand):
    """Runs the relay's steps each second until it is told to stop; two may run."""

    help = "Republish lost turns, reclaim dead workers' turns, end overdue ones, close idle chats."

    def handle(self, *args: Any, **options: Any) -> None:
        """Loop; a database that is away costs rounds, not the process."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            try:
                done = run_once()
                if any(done.values()):
                    logger.info("relay %s", done)
            except Error as error:
                logger.warning("relay round missed: %s", type(error).__name__)
            finally:
                close_old_connections()
            stop.wait(ROUND_SECONDS)
