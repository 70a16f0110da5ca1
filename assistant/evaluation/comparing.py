"""The sums of an evaluation, and whether they are worse than they were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.evaluation.judging import Mark, Result
from core.errors import BadInput

# A person who takes over is worse than a right answer and better than a wrong one.
RANK = {Mark.RIGHT: 2, Mark.ASKED_BACK: 1, Mark.HANDED_OFF: 1, Mark.WRONG: 0}


class Summary(BaseModel):
    """Counts of cases, of unsupported sentences, of replies that a guard stopped; USD; seconds.

    ``marks`` has what became of each question.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cases: int
    right: int
    wrong: int
    handed_off: int
    asked_back: int
    unsupported: int
    stopped: int
    cost_usd: float
    seconds_p50: float
    seconds_p95: float
    marks: dict[str, Mark] = {}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed since a baseline, question by question, and whether that is too much."""

    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    regressions: tuple[str, ...] = ()


def summarise(results: Sequence[Result]) -> Summary:
    """Return the sums."""
    marks = [result.mark for result in results]
    seconds = [result.seconds for result in results]
    steps = quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else seconds * 19
    return Summary(
        cases=len(results),
        right=marks.count(Mark.RIGHT),
        wrong=marks.count(Mark.WRONG),
        handed_off=marks.count(Mark.HANDED_OFF),
        asked_back=marks.count(Mark.ASKED_BACK),
        unsupported=sum(result.unsupported for result in results),
        stopped=sum(bool(result.stopped) for result in results),
        cost_usd=float(sum((result.cost for result in results), Decimal(0))),
        seconds_p50=round(steps[9], 3),
        seconds_p95=round(steps[18], 3),
        marks={result.case.question: result.mark for result in results},
    )


def read_baseline(path: Path) -> Summary:
    """Return a summary that was written before; raise ``BadInput`` for anything else."""
    try:
        return Summary.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        raise BadInput(f"{path} is no summary of an evaluation.") from error


def compare(now: Summary, baseline: Summary, *, tolerance: int = 0) -> Comparison:
    """Return the changes; so many questions may be worse, and so many claims unsupported more.

    Times depend on the machine and never count. A wrong answer counts however good the rest is.
    """
    if now.marks.keys() != baseline.marks.keys():
        text = "the questions are not those of the baseline: write a new one"
        return Comparison(regressions=(text,))
    better = _changes(baseline.marks, now.marks, sign=1)
    worse = _changes(baseline.marks, now.marks, sign=-1)
    counts = (
        ("questions worse", len(worse), 0),
        ("wrong", now.wrong, baseline.wrong),
        ("unsupported claims", now.unsupported, baseline.unsupported),
    )
    regressions = tuple(
        f"{name}: {count}, at most {before + tolerance} may be"
        for name, count, before in counts
        if count > before + tolerance
    )
    return Comparison(better, worse, regressions)


def _changes(before: Mapping[str, Mark], now: Mapping[str, Mark], *, sign: int) -> tuple[str, ...]:
    return tuple(
        f"{question}: {before[question]} -> {mark}"
        for question, mark in now.items()
        if sign * (RANK[mark] - RANK[before[question]]) > 0
    )


def as_rows(now: Summary, baseline: Summary | None) -> list[tuple[str, Any, Any]]:
    """Return name, value and the baseline's value of each figure."""
    names = [name for name in Summary.model_fields if name != "marks"]
    return [
        (name.replace("_", " "), getattr(now, name), getattr(baseline, name) if baseline else "")
        for name in names
    ]
