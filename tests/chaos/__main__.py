"""`python -m tests.chaos`: makes every fault under load; ends with 1 where a promise was broken."""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

from tests.chaos.arena import Arena, Need
from tests.chaos.campaign import Result, Work, run_faults
from tests.chaos.clock import Clock
from tests.chaos.disk import SmallDisk
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.front import are_installed
from tests.chaos.report import Row, as_page, commit_now, is_clean, merge, row_of
from tests.live.processes import ROOT

Plan = dict[str, list[Fault]]
Keep = Callable[[Result, Work], None]
CAN_HAVE: dict[Need, Callable[[], bool]] = {
    "": lambda: True,
    "clock": Clock.is_possible,
    "disk": SmallDisk.is_possible,
}
PAGE = ROOT / "docs" / "benchmarks" / "faults.md"
SCALED_PAGE = PAGE.with_name("faults-scaled.md")


def main() -> int:
    """Run what the command line asks for."""
    asked = _parse()
    if asked.scaled and not are_installed():
        sys.exit("Two of each need nginx and pgbouncer: apt-get install nginx-light pgbouncer")
    rows: list[Row] = []
    commit = commit_now()

    def keep(result: Result, work: Work) -> None:
        _tell(result)
        rows.append(row_of(result, work=work, seed=asked.seed, commit=commit))
        if asked.write:
            merge(SCALED_PAGE if asked.scaled else PAGE, rows)

    work = Work(asked.conversations, asked.rate)
    with tempfile.TemporaryDirectory(prefix="supportbot-chaos-") as folder:
        asyncio.run(_run(Path(folder), asked, work, keep=keep))
    print(as_page(rows))  # noqa: T201 - its output is what it is for
    if not rows:
        sys.exit("No fault was made")
    return 0 if all(is_clean(row) for row in rows) else 1


def _plan(asked: argparse.Namespace) -> Plan:
    """Return which faults are made under one load, by the name of its result."""
    chosen = [
        fault
        for fault in FAULTS
        if asked.only in fault.name and not (asked.without and asked.without in fault.name)
    ]
    if asked.quick:
        few = [replace(fault, conversations=0) for fault in chosen]
        quick = [fault for fault in few for _ in range(fault.quick_times)]
        if not quick:
            sys.exit(f"No quick fault has {asked.only!r} in its name")
        return {", ".join(dict.fromkeys(fault.name for fault in quick)): quick}
    return {fault.name: [fault] * (asked.times or fault.times) for fault in chosen}


async def _run(folder: Path, asked: argparse.Namespace, work: Work, *, keep: Keep) -> None:
    plan = _plan(asked)
    for need in get_args(Need):
        mine = {name: faults for name, faults in plan.items() if faults[0].needs == need}
        if mine and not CAN_HAVE[need]():
            print("Not made here:", *mine)  # noqa: T201
        elif mine:
            place = folder / f"arena{need}"
            async with Arena(place, needs=need, is_scaled=asked.scaled) as arena:
                await _make(arena, mine, work, seed=asked.seed, keep=keep)


async def _make(arena: Arena, plan: Plan, work: Work, *, seed: int, keep: Keep) -> None:
    for name, faults in plan.items():
        # The same, whichever others are made.
        dice = random.Random(f"{seed} {name}")
        random.seed(dice.random())
        most = max(work.conversations, *(fault.conversations for fault in faults))
        mine = replace(work, conversations=most)
        keep(await run_faults(arena, name, faults, dice=dice, work=mine), mine)


def _tell(result: Result) -> None:
    print(f"{result.name}: {result.times} times, {result.findings.counts}", flush=True)  # noqa: T201
    for note, value in result.notes.items():
        print(f"  {note}: {value:.2f}", flush=True)  # noqa: T201
    for kind in result.findings.counts:
        for one in getattr(result.findings, kind)[:5]:
            print(f"  {kind}: {one}", flush=True)  # noqa: T201


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few faults, in about 90 s")
    parser.add_argument(
        "--scaled", action="store_true", help="two of each process, nginx before, PgBouncer behind"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="faults with this in their name")
    parser.add_argument("--without", default="", help="no fault with this in its name")
    parser.add_argument("--times", type=int, default=0, help="make each so often, 0: as planned")
    parser.add_argument("--conversations", type=int, default=50)
    parser.add_argument("--rate", type=float, default=5.0, help="messages a second")
    parser.add_argument("--write", action="store_true", help="write the page of the docs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
