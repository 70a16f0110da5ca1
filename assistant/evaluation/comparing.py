"""The sums of an evaluation, and whether they are worse than they were."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from statistics import quantiles
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.evaluation.judging import Mark, Result
from core.errors import BadInput


class Summary(BaseModel):
    """Counts of cases, of unsupported sentences; USD; seconds a turn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cases: int
    right: int
    wrong: int
    handed_off: int
    unsupported: int
    cost_usd: float
    seconds_p50: float
    seconds_p95: float
    wrong_questions: tuple[str, ...] = ()


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
        unsupported=sum(result.unsupported for result in results),
        cost_usd=float(sum((result.cost for result in results), Decimal(0))),
        seconds_p50=round(steps[9], 3),
        seconds_p95=round(steps[18], 3),
        wrong_questions=tuple(one.case.question for one in results if one.mark is Mark.WRONG),
    )


def read_baseline(path: Path) -> Summary:
    """Return a summary that was written before; raise ``BadInput`` for anything else."""
    try:
        return Summary.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        raise BadInput(f"{path} is no summary of an evaluation.") from error


def find_regressions(now: Summary, baseline: Summary) -> list[str]:
    """Return what became worse, in words; times depend on the machine and never count."""
    if now.cases != baseline.cases:
        return [f"{now.cases} questions, the baseline has {baseline.cases}: write a new one"]
    worse = [
        f"{name.replace('_', ' ')}: {getattr(now, name)}, was {getattr(baseline, name)}"
        for name, sign in (("right", 1), ("wrong", -1), ("unsupported", -1))
        if sign * getattr(now, name) < sign * getattr(baseline, name)
    ]
    fresh = set(now.wrong_questions) - set(baseline.wrong_questions)
    return [*worse, *(f"newly wrong: {question}" for question in sorted(fresh))]


def as_rows(now: Summary, baseline: Summary | None) -> list[tuple[str, Any, Any]]:
    """Return name, value and the baseline's value of each figure."""
    names = [name for name in Summary.model_fields if name != "wrong_questions"]
    return [
        (name.replace("_", " "), getattr(now, name), getattr(baseline, name) if baseline else "")
        for name in names
    ]
