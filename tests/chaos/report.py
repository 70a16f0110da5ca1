"""Tells what a campaign came to, as a page and as JSON; what was measured before stays in both."""

import fcntl
import json
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import percentile
from tests.chaos.campaign import Result, Work
from tests.chaos.oracle import Findings
from tests.live.processes import ROOT

HEAD = """# Faults

Written by `make chaos`. Every fault was made under load, at random moments; the table says how
many conversations there were at once, with how many messages a second in all. Afterwards each
client's journal (what it sent, what was acknowledged, what it received) was compared with the
database: *lost* is what was acknowledged and is not there, *unaccepted* what never was, though
sent again and again, *late* what took longer than the promised 125 s. The clients come back and
send again as the widget does; whoever was passed on to people closes the tab twenty seconds later.
Where kills follow each other within seconds, some hit the same answer again, and each of them
counts. *Failed*: a fault that could not be made, or that nobody met. Times in seconds; a dash is
for what was not looked at yet when a row was measured. The web server, two workers, relay, beat,
PostgreSQL, Redis, the model's server and the clients shared one machine ({machine}); `make chaos`
makes two faults at a time there, each with all of these for itself, `--only` one.

"""
COLUMNS = (
    "fault", "times", "load", "messages", "lost", "unaccepted", "doubled", "misordered", "holes",
    "stuck", "late", "died", "failed",
    "answered / quoted / asked back / passed on / cancelled / failed",
    "acknowledged p50 / p95 / max", "first answer after it p50 / max", "seed, commit",
)  # fmt: skip
ROW = (
    "| {name} | {times} | {conversations} at {rate:g}/s | {messages} | {lost} | {unaccepted} "
    "| {doubled} | {misordered} | {holes} | {stuck} | {late} | {died} | {failed} | {ends} "
    "| {p50:.3f} / {p95:.3f} / {most:.1f} | {back:.1f} / {longest:.1f} | {seed}, {commit} |"
)
Row = dict[str, Any]
# What was not looked at yet when an older row was measured.
UNKNOWN = {"unaccepted": "-", "late": "-", "failed": "-"}
ENDS = ("answered", "quoted", "asked_back", "handed_off", "cancelled", "failed")


def commit_now() -> str:
    """Return what is measured."""
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()


def row_of(result: Result, *, work: Work, seed: int, commit: str) -> Row:
    """Return what is kept of a result."""
    return {
        "name": result.name,
        "times": result.times,
        "conversations": work.conversations,
        "rate": work.per_second,
        "messages": result.messages,
        **result.findings.counts,
        "ends": result.ends,
        "p50": percentile(result.acknowledged, 50),
        "p95": percentile(result.acknowledged, 95),
        "most": max(result.acknowledged, default=0.0),
        "back": percentile(result.recovered, 50),
        "longest": max(result.recovered, default=0.0),
        "begun": [round(one.begun, 2) for one in result.overdue],
        "overdue": [round(one.whole, 2) for one in result.overdue],
        "reconnected": [round(one, 2) for one in result.reconnected],
        "model_back": result.model_back,
        "entered": max(result.entered, default=0.0),
        "ended_after": result.ended_after,
        "usage": result.usage,
        "notes": result.notes,
        "seed": seed,
        "commit": commit,
    }


def is_clean(row: Row) -> bool:
    """Return whether no promise was broken."""
    return not any(row.get(kind) for kind in Findings.__slots__)


def as_page(rows: Sequence[Row]) -> str:
    """Return the report as Markdown."""
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
        *(ROW.format(**(UNKNOWN | row | {"ends": _ends(row)})) for row in rows),
    ]
    told = [*_overdue(rows), *_reconnected(rows), *_model_back(rows)]
    notes = [f"- {name}: {value:.2f}" for row in rows for name, value in row["notes"].items()]
    parts = ["\n".join(lines), *told, "\n".join(notes)]
    return HEAD.format(machine=machine) + "\n\n".join(filter(None, parts)) + "\n"


def _ends(row: Row) -> str:
    found = row.get("ends")
    return " / ".join(str(found.get(name, 0)) for name in ENDS) if found else "-"


def merge(page: Path, rows: Sequence[Row]) -> None:
    """Write ``page`` and the JSON beside it; rows of the same fault give way to the new ones.

    Two runs may write the same page by turns.
    """
    with page.with_suffix(".json").open("a+", encoding="utf-8") as kept:
        fcntl.flock(kept, fcntl.LOCK_EX)
        kept.seek(0)
        before = json.loads(kept.read() or "[]")
        merged = {row["name"]: row for row in (*before, *rows)}
        page.write_text(as_page(list(merged.values())), encoding="utf-8")
        kept.truncate(0)
        kept.write(json.dumps(list(merged.values()), indent=1) + "\n")


def _overdue(rows: Sequence[Row]) -> list[str]:
    return [
        f"*{row['name']}*: an answer that the killed worker was writing began again "
        f"{_spread(row['begun'])} after it, and was whole {_spread(row['overdue'])} after it, "
        f"{len(row['overdue'])} of them."
        for row in rows
        if row.get("begun")
    ]


def _spread(seconds: Sequence[float]) -> str:
    return (
        f"{percentile(seconds, 50):.1f} s (p50), {percentile(seconds, 95):.1f} s (p95) and "
        f"{max(seconds):.1f} s (at most)"
    )


def _model_back(rows: Sequence[Row]) -> list[str]:
    """Tell how long the product did without a model that was there again."""
    found = [row["model_back"] for row in rows if row.get("model_back") is not None]
    if not found:
        return []
    return [
        f"The model wrote an answer again {_spread(found)} after the last time of each fault of "
        f"its server, {len(found)} faults, with nothing put right by hand but refused keys."
    ]


def _reconnected(rows: Sequence[Row]) -> list[str]:
    found = [one for row in rows for one in row["reconnected"]]
    if not found:
        return []
    return [
        f"A socket that broke with the web process was back after {percentile(found, 50):.1f} s "
        f"(p50) and {percentile(found, 99):.1f} s (p99), {len(found)} of them."
    ]
