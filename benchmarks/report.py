"""Writes what was measured as a page and as JSON; each target with what it came to."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measures.footprint import NAMES as FOOTPRINT
from benchmarks.running import Outcome
from tests.live.processes import ROOT

HEAD = """# Speed

Written by `make bench` at commit {commit} on {day}, on {machine}. {load}

The system under test has one core, the model's server and the load the other. The model's server
streams as OpenAI does and writes its clock into each answer's first word, so that *added* is what
lies between the model's server and the customer's socket. An answer has 120 tokens: alone they come
fast, at a hundred open chats 200 ms after the request and then 50 a second, with 8 turns a second
at random moments. The product runs as `make demo` does, with search by a local embedding,
guardrails, confidence and storage; the others relay. Systems take turns in each of the repeats,
and every figure is the median over them. All stay up, so that the idle processes of one share the
core with another.

"""
# What the harness and one system under test bring about by themselves: an overloaded core counts
# for several.
OWN_LOAD = 6.0
SHARED = (
    " **Other programs ran on the machine all the while**, on both cores: times are far too high, "
    "and so is CPU. What was measured by turns can be compared, little else."
)
SPEED = (
    "| system | added first token, alone p50 | at 100 chats p50 / p95 | CPU-s per 1,000 turns | "
    "lost / turns |\n|---|---|---|---|---|"
)
SPEED_ROW = "| {title} | {alone} | {p50} / {p95} | {cpu} | {lost} / {turns} |"


@dataclass(frozen=True, slots=True)
class Target:
    """What is aimed at; met where the value is no higher than ``most``."""

    what: str
    most: float
    unit: str
    measure: str
    figure: str
    # The system and the figure's share of its own that it is held against, if any.
    against: str = ""


MISSING = (
    "Not measured: turns without search (nothing turns it off) and Open WebUI. The peak hour is "
    "that of 10,000 conversations a day, 15 % of them in it, each of four questions; some minutes "
    "of it are replayed. What a turn's CPU is spent on stands in [turn.md](turn.md)."
)
TARGETS: Sequence[Target] = (
    Target("added to the first token, alone p50", 40, "ms", "alone", "alone p50"),
    Target("added to the first token, 100 chats p95", 150, "ms", "crowd", "p95"),
    Target("CPU of full turns, Chainlit's being 1", 0.7, "", "crowd", "cpu", against="chainlit"),
    Target("300 streams on one worker: lost", 0, "", "streams", "lost"),
    Target("300 streams on one worker: gap p95", 150, "ms", "streams", "gap p95"),
    Target("idle socket", 35, "kB", "idle sockets", "kB a socket"),
    Target("5,000 idle sockets", 1, "% of a core", "idle sockets", "core %"),
    Target("acknowledgement at 100 messages/s, p95", 40, "ms", "acknowledgement", "p95"),
    Target("the same at 20 messages/s", 40, "ms", "quiet", "p95"),
    Target("an agent's view meanwhile, p99", 300, "ms", "acknowledgement", "agent p99"),
    Target("the same at 20 messages/s", 300, "ms", "quiet", "agent p99"),
    Target("peak hour of 10,000 conversations a day: lost", 0, "", "peak hour", "lost"),
    Target("peak hour: cores, all processes", 2, "", "peak hour", "core share"),
    Target("peak hour: memory, all processes", 4, "GB", "peak hour", "GB"),
)


def write(page: Path, outcome: Outcome, *, is_part: bool) -> None:
    """Write the page, and the JSON beside it; a part keeps what else was measured before."""
    facts, stored = _facts(), page.with_suffix(".json")
    commits = dict.fromkeys(outcome.figures, facts["commit"])
    if is_part and stored.exists():
        before = json.loads(stored.read_text(encoding="utf-8"))
        outcome = _added_to(before, outcome)
        facts |= {name: before[name] for name in ("commit", "day", "machine", "load average")}
        commits = before["commits"] | commits
    page.write_text(_page(outcome, facts, commits), encoding="utf-8")
    data = {**facts, "versions": outcome.versions, "failures": outcome.failures}
    data |= {"titles": outcome.titles, "commits": commits}
    data |= {"medians": outcome.figures, "repeats": outcome.repeats}
    stored.write_text(json.dumps(_rounded(data), indent=1) + "\n", encoding="utf-8")


def _added_to(before: Mapping[str, Any], outcome: Outcome) -> Outcome:
    return Outcome(
        figures=before["medians"] | outcome.figures,
        repeats=before["repeats"] | outcome.repeats,
        failures=[*before["failures"], *outcome.failures],
        versions=before["versions"] | outcome.versions,
        titles=before["titles"] | outcome.titles,
    )


def value_of(target: Target, outcome: Outcome) -> float | None:
    """Return what a target came to, None where it was not measured."""
    own = outcome.figures.get(f"{target.measure} of product", {}).get(target.figure)
    if own is None or not target.against:
        return own
    other = outcome.figures.get(f"{target.measure} of {target.against}", {}).get(target.figure)
    return own / other if other else None


def _page(outcome: Outcome, facts: dict[str, Any], commits: Mapping[str, str]) -> str:
    told = ", ".join(f"{one:.1f}" for one in facts["load average"])
    load = f"Load averages at its end: {told}."
    if max(facts["load average"]) > OWN_LOAD:
        load += SHARED
    head = HEAD.format(
        commit=facts["commit"], day=facts["day"], machine=facts["machine"], load=load
    )
    parts = [
        _speed(outcome),
        _targets(outcome),
        _parts(outcome),
        _footprint(outcome),
        _versions(outcome),
    ]
    if others := {name: at for name, at in commits.items() if at != facts["commit"]}:
        told = ", ".join(f"{name} ({at})" for name, at in others.items())
        parts.append(f"Measured again by itself, at another commit: {told}.")
    if outcome.failures:
        parts.append("\n".join(["## What failed", "", *(f"- {one}" for one in outcome.failures)]))
    return head + "\n\n".join(one for one in parts if one) + "\n"


def _speed(outcome: Outcome) -> str:
    rows = [SPEED]
    for name, title in outcome.titles.items():
        alone = outcome.figures.get(f"alone of {name}", {})
        crowd = outcome.figures.get(f"crowd of {name}", {})
        by = {**alone, **crowd, "cpu": crowd.get("cpu", alone.get("alone cpu"))}
        rows.append(
            SPEED_ROW.format(
                title=title,
                alone=_told(alone.get("alone p50"), "ms"),
                p50=_told(crowd.get("p50"), "ms"),
                p95=_told(crowd.get("p95"), "ms"),
                cpu=_told(by["cpu"] or None, "s") + ("" if crowd or not by["cpu"] else " (alone)"),
                lost=f"{by.get('lost', by.get('alone lost', 0)):g}",
                turns=f"{crowd.get('turns', 0):g}" if crowd else "14",
            )
        )
    return "\n".join(rows)


def _targets(outcome: Outcome) -> str:
    rows = ["## Targets", "", "| what | at most | measured | |", "|---|---|---|---|"]
    for one in TARGETS:
        value = value_of(one, outcome)
        told = "not measured" if value is None else _told(value, one.unit).strip()
        verdict = "" if value is None else "met" if value <= one.most else "**missed**"
        rows.append(f"| {one.what} | {_told(one.most, one.unit).strip()} | {told} | {verdict} |")
    return "\n".join([*rows, "", MISSING])


def _parts(outcome: Outcome) -> str:
    crowd = outcome.figures.get("crowd of product", {})
    shown = {name: value for name, value in crowd.items() if name.startswith("cpu of")}
    if not shown:
        return ""
    rows = ["## Where the product's CPU goes", "", "| part | CPU-s per 1,000 turns |", "|---|---|"]
    rows += [f"| {name.removeprefix('cpu of ')} | {value:.1f} |" for name, value in shown.items()]
    return "\n".join(rows)


def _footprint(outcome: Outcome) -> str:
    found = outcome.figures.get("footprint of product", {})
    if not found:
        return ""
    rows = ["## What a turn leaves and moves", "", "| what | a turn |", "|---|---|"]
    rows += [f"| {name} | {found[name]:.1f} |" for name in FOOTPRINT]
    idle = found["idle commits a second"]
    return "\n".join([*rows, "", f"Without any turn there are {idle:.0f} commits a second."])


def _versions(outcome: Outcome) -> str:
    told = (
        f"- {name}: " + ", ".join(f"{package} {version}" for package, version in found.items())
        for name, found in outcome.versions.items()
        if found
    )
    return "\n".join(["## Versions", "", f"- Python {platform.python_version()}", *told])


def _told(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


def _facts() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    memory = psutil.virtual_memory().total / 2**30
    return {
        "commit": commit.stdout.strip(),
        "day": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB",
        "load average": list(os.getloadavg()),
    }
