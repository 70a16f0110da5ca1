"""``manage.py doctor``: says what is well, what is not, and what to do about it."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from supportbot.diagnosis import State, examine


class Command(BaseCommand):
    """Prints one line for each thing that matters; ends with 1 where one is an error."""

    help = "Look at the database, Redis, the workers, the keys and each site's search."
    # It is for systems that do not run: Django's own checks come first otherwise.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")
        parser.add_argument(
            "--probe",
            action="store_true",
            help="Ask the models of a compatible server what they can do; costs a few tokens.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine and print."""
        findings = examine(probe=options["probe"])
        failed = any(finding.state is State.ERROR for finding in findings)
        if options["json"]:
            report = {"ok": not failed, "findings": [asdict(finding) for finding in findings]}
            self.stdout.write(json.dumps(report, indent=2))
        else:
            for finding in findings:
                self.stdout.write(f"{finding.state:8} {finding.subject}: {finding.text}")
                if finding.advice:
                    self.stdout.write(f"{'':8} {finding.advice}")
        if failed:
            sys.exit(1)
