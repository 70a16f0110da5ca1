"""What is aimed at, and what each target came to."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import in_units
from benchmarks.running import Outcome


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
    system: str = "product"


BELOW = (
    "The peak hour is that of 10,000 conversations a day, 15 % of them in it, each of four "
    "questions; some minutes of it are replayed. What idle sockets take is what is more than "
    "without any. What a turn's CPU is spent on stands in [turn.md](turn.md)."
)
TARGETS: Sequence[Target] = (
    Target("added to the first token, alone p50", 40, "ms", "alone", "alone added p50"),
    Target("added to the first token, 100 chats p95", 150, "ms", "crowd", "added p95"),
    Target("CPU of full turns, Chainlit's being 1", 0.7, "", "crowd", "cpu", against="chainlit"),
    Target("without a search, alone p50", 12, "ms", "alone", "alone added p50", system="pipeline"),
    Target("without a search, 100 chats p95", 40, "ms", "crowd", "added p95", system="pipeline"),
    Target(
        "CPU without a search, the relay's being 1", 0.8, "", "crowd", "cpu", "relay", "pipeline"
    ),
    Target("300 streams on one worker: lost", 0, "", "streams", "lost"),
    Target("300 streams on one worker: gap p95", 150, "ms", "streams", "gap p95"),
    Target("idle socket", 35, "kB", "idle sockets", "kB a socket"),
    Target("5,000 idle sockets, web process", 1, "% of a core", "idle sockets", "core %"),
    Target("the same, all processes", 1, "% of a core", "idle sockets", "core % of all processes"),
    Target("acknowledgement at 100 messages/s, p95", 40, "ms", "acknowledgement", "p95"),
    Target("the same at 20 messages/s", 40, "ms", "quiet", "p95"),
    Target("an agent's view meanwhile, p99", 300, "ms", "acknowledgement", "agent p99"),
    Target("the same at 20 messages/s", 300, "ms", "quiet", "agent p99"),
    Target("peak hour of 10,000 conversations a day: lost", 0, "", "peak hour", "lost"),
    Target("peak hour: cores, all processes", 2, "", "peak hour", "core share"),
    Target("peak hour: memory, all processes", 4, "GB", "peak hour", "GB"),
)


def value_of(target: Target, outcome: Outcome) -> float | None:
    """Return what a target came to, None where it was not measured."""
    own = outcome.figures.get(f"{target.measure} of {target.system}", {}).get(target.figure)
    if own is None or not target.against:
        return own
    other = outcome.figures.get(f"{target.measure} of {target.against}", {}).get(target.figure)
    return own / other if other else None


def targets_table(outcome: Outcome) -> str:
    """Return a row for each target."""
    rows = ["## Targets", "", "| what | at most | measured | |", "|---|---|---|---|"]
    for one in TARGETS:
        value = value_of(one, outcome)
        told = "not measured" if value is None else in_units(value, one.unit).strip()
        verdict = "" if value is None else "met" if value <= one.most else "**missed**"
        rows.append(f"| {one.what} | {in_units(one.most, one.unit).strip()} | {told} | {verdict} |")
    return "\n".join([*rows, "", BELOW])
