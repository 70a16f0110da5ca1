"""What is aimed at, and what each target came to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import in_units
from benchmarks.running import Outcome


@dataclass(frozen=True, slots=True)
class Basis:
    """What a value rests on: something counted, less what of it does not count."""

    # With fewer, nothing was measured.
    least: int
    what: str
    figure: str
    less: Sequence[str] = ()
    # Whether these come at random moments, and are dropped where all chats are busy.
    is_random: bool = False

    def count(self, figures: Mapping[str, float]) -> float | None:
        """Return how many there were, None in figures of before they were counted."""
        if self.figure not in figures:
            return None
        return figures[self.figure] - sum(figures.get(name, 0) for name in self.less)

    def is_short(self, figures: Mapping[str, float]) -> bool:
        """Whether there were too few."""
        count = self.count(figures)
        return count is not None and count < self.least

    def told(self, figures: Mapping[str, float]) -> str:
        """Return how many there were, in words."""
        told = _counted(self.count(figures), self.what)
        if self.is_random:
            told += f", {_counted(figures.get('dropped'), 'dropped')}"
        return told

    def dropped_share(self, figures: Mapping[str, float]) -> float:
        """Return which share of all arrivals was dropped, 0 where that was not counted."""
        dropped = figures.get("dropped", 0.0) if self.is_random else 0.0
        return dropped and dropped / (dropped + figures.get(self.figure, 0.0))


@dataclass(frozen=True, slots=True)
class Target:
    """What is aimed at; met where the value is no higher than ``most``."""

    what: str
    most: float
    unit: str
    measure: str
    figure: str
    rests_on: Sequence[Basis]
    # The system and the figure's share of its own that it is held against, if any.
    against: str = ""
    system: str = "product"
    # What there is without any was taken off; the figure's noise stands beside it.
    is_difference: bool = False


# With more of the arrivals dropped, the load was another one.
MOST_DROPPED = 0.02
BELOW = (
    "The peak hour is that of 10,000 conversations a day, 15 % of them in it, each of four "
    "questions; some minutes of it are replayed. Who came at a random moment and found all chats "
    f"busy was dropped: with more than {100 * MOST_DROPPED:g} % of them, nothing was measured at "
    "this load. What idle sockets take is what is more than without any; up to twice its standard "
    "error it is not told from none. What a turn's CPU is spent on stands in [turn.md](turn.md)."
)
# A whole run has some more of each, a brief one (`--quick`) far less.
ALONE = (Basis(10, "turns by the model", "alone turns", ("alone without the model", "alone lost")),)
CROWD = (Basis(80, "turns by the model", "turns", ("without the model", "lost"), is_random=True),)
STREAMS = (Basis(300, "streams", "streams"),)
WHOLE_STREAMS = (Basis(285, "streams to their end", "streams", ("lost",)),)
SOCKETS = (Basis(1_000, "sockets", "sockets"),)
ALL_SOCKETS = (Basis(4_950, "sockets", "sockets"),)
MESSAGES = (Basis(3_000, "messages", "messages", is_random=True),)
QUIET_MESSAGES = (Basis(600, "messages", "messages", is_random=True),)
VIEWS = (Basis(100, "views", "views"),)
# Lost ones belong to it: their number is what is asked.
PEAK = (Basis(360, "turns by the model or lost", "turns", ("without the model",)),)

TARGETS: Sequence[Target] = (
    Target("added to the first token, alone p50", 40, "ms", "alone", "alone added p50", ALONE),
    Target("added to the first token, 100 chats p95", 150, "ms", "crowd", "added p95", CROWD),
    Target("CPU of full turns, Chainlit's being 1", 0.7, "", "crowd", "cpu", CROWD, "chainlit"),
    Target(
        "without a search, alone p50", 12, "ms", "alone", "alone added p50", ALONE,
        system="pipeline",
    ),
    Target(
        "without a search, 100 chats p95", 40, "ms", "crowd", "added p95", CROWD,
        system="pipeline",
    ),
    Target(
        "CPU without a search, the relay's being 1", 0.8, "", "crowd", "cpu", CROWD, "relay",
        "pipeline",
    ),
    Target("300 streams on one worker: lost", 0, "", "streams", "lost", STREAMS),
    Target("300 streams on one worker: gap p95", 150, "ms", "streams", "gap p95", WHOLE_STREAMS),
    Target("idle socket", 35, "kB", "idle sockets", "kB a socket", SOCKETS, is_difference=True),
    Target(
        "5,000 idle sockets, web process", 1, "% of a core", "idle sockets", "core %", ALL_SOCKETS,
        is_difference=True,
    ),
    Target(
        "the same, all processes", 1, "% of a core", "idle sockets", "core % of all processes",
        ALL_SOCKETS, is_difference=True,
    ),
    Target(
        "acknowledgement at 100 messages/s, p95", 40, "ms", "acknowledgement", "p95", MESSAGES
    ),
    Target("the same at 20 messages/s", 40, "ms", "quiet", "p95", QUIET_MESSAGES),
    Target(
        "an agent's view meanwhile, p99", 300, "ms", "acknowledgement", "agent p99",
        MESSAGES + VIEWS,
    ),
    Target("the same at 20 messages/s", 300, "ms", "quiet", "agent p99", QUIET_MESSAGES + VIEWS),
    Target("peak hour of 10,000 conversations a day: lost", 0, "", "peak hour", "lost", PEAK),
    Target("peak hour: cores, all processes", 2, "", "peak hour", "core share", PEAK),
    Target("peak hour: memory, all processes", 4, "GB", "peak hour", "GB", PEAK),
)  # fmt: skip


def value_of(target: Target, outcome: Outcome) -> float | None:
    """Return what a target came to, None where it was not measured, or too little."""
    rows = _rows(target, outcome)
    if any(basis.is_short(figures) for figures in rows.values() for basis in target.rests_on):
        return None
    own = rows[target.system].get(target.figure)
    if own is None or not target.against:
        return own
    other = rows[target.against].get(target.figure)
    return own / other if other else None


def targets_table(outcome: Outcome) -> str:
    """Return a row for each target."""
    rows = ["## Targets", "", "| what | at most | measured | from | |", "|---|---|---|---|---|"]
    for one in TARGETS:
        told, verdict = _judged(one, outcome)
        most = in_units(one.most, one.unit).strip()
        rows.append(f"| {one.what} | {most} | {told} | {_bases(one, outcome)} | {verdict} |")
    return "\n".join([*rows, "", BELOW])


def _judged(target: Target, outcome: Outcome) -> tuple[str, str]:
    """Return what a target came to, in words, and the verdict."""
    value = value_of(target, outcome)
    if value is None:
        return "not measured", ""
    if target.is_difference:
        noise = _rows(target, outcome)[target.system].get(f"{target.figure} noise")
        if value <= (noise or 0):
            return _not_told_from_none(target, value, noise)
    return in_units(value, target.unit).strip(), _verdict(target, value, outcome)


def _verdict(target: Target, value: float, outcome: Outcome) -> str:
    """Return whether a value meets its target; what misses it at a lower load does so anyway."""
    if value > target.most:
        return "**missed**"
    dropped = (
        basis.dropped_share(figures)
        for figures in _rows(target, outcome).values()
        for basis in target.rests_on
    )
    return "met" if max(dropped) <= MOST_DROPPED else "**not measured at this load**"


def _not_told_from_none(target: Target, value: float, noise: float | None) -> tuple[str, str]:
    told = "not told from none"
    if noise is None:
        return told, ""
    # Less than none can't be: the noise was no smaller than that.
    noise = max(noise, -value)
    is_met = max(0, value) + noise <= target.most
    return f"{told} (± {in_units(noise, target.unit)})", "met" if is_met else ""


def _rows(target: Target, outcome: Outcome) -> dict[str, Mapping[str, float]]:
    """Return the figures of the target's system, and of the one that it is held against."""
    systems = filter(None, (target.system, target.against))
    return {name: outcome.figures.get(f"{target.measure} of {name}", {}) for name in systems}


def _counted(count: float | None, what: str) -> str:
    return f"{what} not counted" if count is None else f"{count:,.0f} {what}"


def _bases(target: Target, outcome: Outcome) -> str:
    told = []
    for name, figures in _rows(target, outcome).items():
        counts = ", ".join(basis.told(figures) for basis in target.rests_on) if figures else "-"
        told.append(counts if name == target.system else f"{name}: {counts}")
    return "; ".join(told)
