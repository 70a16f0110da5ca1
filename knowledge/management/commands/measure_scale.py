"""``manage.py measure_scale``: how long a search takes in a large knowledge base."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from knowledge.scale import compare_vectors, measure_queries, measure_scale, use_database


class Command(BaseCommand):
    """Prints one JSON object."""

    help = "Measure the search among generated passages, in a database that is removed afterwards."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the size, or a database that is filled already."""
        parser.add_argument("--passages", type=int, default=30_000)
        parser.add_argument("--database", help="Only ask this one, which another process filled.")
        parser.add_argument(
            "--compare", action="store_true", help="In --database: the ways to the nearest vectors."
        )

    def handle(
        self, *args: Any, passages: int, database: str | None, compare: bool, **options: Any
    ) -> None:
        """Measure and print."""
        measured: dict[str, Any]
        if database:
            use_database(database)
            measured = compare_vectors() if compare else measure_queries()
        else:
            measured = measure_scale(passages)
        self.stdout.write(json.dumps(measured))
