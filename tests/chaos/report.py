"""Tells what a campaign came to, as a page and as JSON."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict

from tests.chaos.campaign import Result, share

HEAD = """# Faults

Written by `make chaos`{options}, seed {seed}, commit {commit}, {machine}. Every fault was made
under a load of {conversations} conversations with {rate:g} messages a second, at random moments.
Afterwards each client's journal (what it sent, what was acknowledged, what it received) was
compared with the database. Times in seconds.

{columns}
{rule}
"""
COLUMNS = (
    "fault", "times", "messages", "lost", "doubled", "misordered", "holes", "stuck", "died",
    "acknowledged p50 / p95 / max", "first answer after it p50 / max",
)  # fmt: skip
ROW = (
    "| {name} | {times} | {messages} | {lost} | {doubled} | {misordered} | {holes} | {stuck} "
    "| {died} | {p50:.3f} / {p95:.3f} / {most:.1f} | {back:.1f} / {longest:.1f} |"
)


def as_page(results: Sequence[Result], **facts: object) -> str:
    """Return the report as Markdown."""
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    head = HEAD.format(
        machine=machine,
        columns=f"| {' | '.join(COLUMNS)} |",
        rule="|---" * len(COLUMNS) + "|",
        **facts,
    )
    lines = [head + "\n".join(map(_row, results)), ""]
    overdue = [one for result in results for one in result.overdue]
    if overdue:
        lines.append(
            f"An answer that was due when its worker was killed came {share(overdue, 50):.1f} s "
            f"(p50) and {share(overdue, 95):.1f} s (p95) after the kill, {len(overdue)} of them."
        )
    back = [one for result in results for one in result.reconnected]
    if back:
        lines.append(
            f"\nA socket that broke with the web process was back after {share(back, 50):.1f} s "
            f"(p50) and {share(back, 99):.1f} s (p99), {len(back)} of them."
        )
    notes = {name: value for result in results for name, value in result.notes.items()}
    lines += ["", *(f"- {name}: {value:.2f}" for name, value in notes.items())] if notes else []
    return "\n".join(lines) + "\n"


def as_json(results: Sequence[Result], **facts: object) -> str:
    """Return everything that was measured."""
    rows = [asdict(result) for result in results]
    return json.dumps({**facts, "results": rows}, indent=1, default=str)


def _row(result: Result) -> str:
    return ROW.format(
        name=result.name,
        times=result.times,
        messages=result.messages,
        **result.findings.counts,
        p50=share(result.acknowledged, 50),
        p95=share(result.acknowledged, 95),
        most=max(result.acknowledged, default=0.0),
        back=share(result.recovered, 50),
        longest=max(result.recovered, default=0.0),
    )
