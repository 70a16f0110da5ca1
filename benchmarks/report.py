"""Writes what was measured as a page and as JSON; each target with what it came to."""

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from benchmarks.figures import Figures, in_units
from benchmarks.measures.footprint import NAMES as FOOTPRINT
from benchmarks.running import Outcome
from benchmarks.targets import targets_table
from tests.live.processes import ROOT

HEAD = """# Speed

Written by `make bench` at commit {commit} on {day}, on {machine}. {load}

The system under test has one core, the model's server and the load the other. The model's server
streams as OpenAI does and writes its clock into each answer's first words: when it had read the
request, and when it wrote them. *Before* lies between a customer's sending and the request at the
model's server, *after* between the first word there and the customer's socket. *Added* is both of
one turn: the whole time from sending to the first word, less what the model's server took. An
answer has 120 tokens: alone they come fast, at a hundred open chats 200 ms after the request and
then 50 a second, with 8 turns a second at random moments. The product runs as `make demo` does,
with search by a local embedding, guardrails, confidence and storage; the others relay. Systems take
turns in each of the repeats, and every figure is the median over them. All stay up; the product's
processes are frozen while another system is measured, since idle ones take some % of the core.
Before it is measured alone or by a hundred chats each system answers 64 questions, as one that has
slept or was just started is not what serves customers all day.
Where each turn gets the same passages instead of a search, these are what the search once found for
one question: a second product, whose confidence, guardrails and storage are as ever.

"""
# What the harness and one system under test bring about by themselves: an overloaded core counts
# for several.
OWN_LOAD = 6.0
SHARED = (
    " **Other programs ran on the machine all the while**, on both cores: times are far too high, "
    "and so is CPU. What was measured by turns can be compared, little else."
)
SPEED = (
    "| system | added to the first token (before + after), alone p50 | p95 | "
    "at 100 chats p50 | p95 | CPU-s per 1,000 turns | "
    "lost / dropped / not by the model / turns |\n|---|---|---|---|---|---|---|"
)
COUNTS = ("lost", "dropped", "without the model", "turns")


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
    # What failed before and was measured now has failed no longer.
    failed = [one for one in before["failures"] if one.split(", repeat")[0] not in outcome.figures]
    return Outcome(
        figures=before["medians"] | outcome.figures,
        repeats=before["repeats"] | outcome.repeats,
        failures=[*failed, *outcome.failures],
        versions=before["versions"] | outcome.versions,
        titles=before["titles"] | outcome.titles,
    )


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
        targets_table(outcome),
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
        alone = {
            figure.removeprefix("alone "): value
            for figure, value in outcome.figures.get(f"alone of {name}", {}).items()
        }
        crowd = outcome.figures.get(f"crowd of {name}", {})
        fullest = crowd or alone
        cells = [title]
        cells += [_first_token(of, percent) for of in (alone, crowd) for percent in (50, 95)]
        cpu = in_units(fullest.get("cpu") or None, "s")
        cells.append(cpu if crowd or cpu == "-" else f"{cpu} (alone)")
        cells.append(" / ".join(f"{fullest[one]:g}" if one in fullest else "-" for one in COUNTS))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _first_token(figures: Figures, percent: int) -> str:
    """Return the added time, and what lay before the model and after; percentiles don't add up."""
    added, before, after = (
        in_units(figures.get(f"{part} p{percent}"), "ms") for part in ("added", "before", "after")
    )
    return added if added == "-" else f"{added} ({before} + {after})"


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
