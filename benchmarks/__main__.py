"""`python -m benchmarks`: measures the product beside its peers; --write writes the page."""

import argparse
import sys
import tempfile
from pathlib import Path

import uvloop

from benchmarks.measures import MEASURES
from benchmarks.report import write
from benchmarks.running import SYSTEMS, Outcome, Plan, run
from tests.live.processes import ROOT

PAGE = ROOT / "docs" / "benchmarks" / "speed.md"


def main() -> int:
    """Run what the command line asks for; end with 1 where something failed."""
    asked = _parse()
    plan = Plan(
        systems=[one for one in SYSTEMS if asked.system in one.name],
        measures=[one for one in MEASURES if asked.only in one.name],
        repeats=1 if asked.quick else asked.repeats,
        is_quick=asked.quick,
    )
    if plan.repeats < 1 or not plan.measured():
        sys.exit(_nothing(asked))
    with tempfile.TemporaryDirectory(prefix="supportbot-bench-") as folder:
        outcome: Outcome = uvloop.run(run(plan, Path(folder)))
    if asked.write:
        write(PAGE, outcome, is_part=bool(asked.only or asked.system))
    for failure in outcome.failures:
        print("failed:", failure)  # noqa: T201 - its output is what it is for
    return 1 if outcome.failures else 0


def _nothing(asked: argparse.Namespace) -> str:
    measures = ", ".join(one.name for one in MEASURES)
    systems = ", ".join(one.name for one in SYSTEMS)
    return (
        f"nothing to measure: --only {asked.only!r} --system {asked.system!r} "
        f"--repeats {asked.repeats}\n"
        f"measures, some of the product alone: {measures}\nsystems: {systems}"
    )


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default="", help="measures with this in their name")
    parser.add_argument("--system", default="", help="systems with this in their name")
    parser.add_argument("--quick", action="store_true", help="once and briefly")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write the page of the docs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
