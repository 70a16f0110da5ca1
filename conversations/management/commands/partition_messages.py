"""``manage.py partition_messages``: store messages in partitions, by conversation, online."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from conversations.partitioning.steps import (
    BATCH,
    PARTITIONS,
    Plan,
    abandon_conversion,
    partition_messages,
)
from core.errors import SupportError


class Command(BaseCommand):
    """Runs beside the product; run again, it goes on where it was killed."""

    help = (
        "Partition the table of messages by conversation while the product writes to it. May be "
        "killed and run again at any point; docs/scaling.md says what it costs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--partitions", type=int, default=PARTITIONS)
        parser.add_argument("--batch", type=int, default=BATCH, help="rows a transaction")
        parser.add_argument("--keep-old", action="store_true", help="keep the old table as well")
        parser.add_argument(
            "--abandon", action="store_true", help="undo a conversion that has not swapped yet"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Convert, and say what was done and how long it took."""
        plan = Plan(options["partitions"], options["batch"], options["keep_old"])
        if min(plan.partitions, plan.batch) < 1:
            raise CommandError("--partitions and --batch want at least 1.")
        try:
            if options["abandon"]:
                abandon_conversion(say=self.stdout.write)
            else:
                partition_messages(plan, say=self.stdout.write)
        except SupportError as error:
            raise CommandError(error.detail) from error
