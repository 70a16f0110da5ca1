"""Turns what was asked into figures with intervals, and into the page that publishes them."""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.conf import settings

from assistant.benchmark.asking import Asked, Kind
from assistant.benchmark.judging import (
    Group,
    abstention_figures,
    chances_of,
    fit_line,
    found_figures,
    scope_auroc,
)
from assistant.fitting import Interval, bootstrap_interval
from assistant.reference import NamedLine

ROUNDS = 200
Figure = dict[str, Any]


def judge(asked: Sequence[Asked], line: NamedLine, *, threshold: float) -> dict[str, Figure]:
    """Return every figure of a corpus with its 95 % interval by resampling questions."""
    found = {
        name: _figure(lambda rows, values=values: float(values[rows].mean()), count=len(values))
        for name, values in found_figures(asked).items()
    }
    chances = chances_of(line, asked)
    abstained = {
        name: _figure(statistic, count=len(asked))
        for name, statistic in abstention_figures(asked, chances, threshold=threshold).items()
    }
    return found | abstained


def judge_scope(asked: Sequence[Asked], line: NamedLine) -> Figure:
    """Return how well the confidence tells what is in scope, with its interval."""
    chances = chances_of(line, asked)
    return _figure(
        lambda rows: scope_auroc([asked[row] for row in rows], chances[rows]), count=len(asked)
    )


def judge_all(groups: Sequence[Group], *, threshold: float) -> dict[str, dict[str, Figure]]:
    """Judge each corpus by weights that were fitted on the others."""
    results: dict[str, dict[str, Figure]] = {}
    for group in groups:
        if group.corpus in results:
            continue
        line = fit_line([one for one in groups if one.corpus != group.corpus])
        if any(one.kind == Kind.FAR for one in group.asked):
            results[group.corpus] = judge(group.asked, line, threshold=threshold)
        else:
            plain = [one for one in group.asked if one.kind != Kind.REMOVED]
            found = judge(plain, line, threshold=threshold)
            kept = {name: found[name] for name in ("r1", "r3", "mrr")}
            results[group.corpus] = kept | {"oos_auroc": judge_scope(plain, line)}
    return results


def describe_machine() -> dict[str, str]:
    """Return what the figures were measured on."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607 - the developer's own git
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "commit": commit or "unknown",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {platform.system()}",
    }


def as_markdown(result: Mapping[str, Any]) -> str:
    """Return the page ``docs/benchmarks/knowledge.md``."""
    machine = result["machine"]
    return "\n".join(
        [
            "# Finding the right article, and knowing when there is none",
            "",
            "Written by `make bench-knowledge`; the figures with all digits are in"
            " `knowledge.json`. Each corpus is judged by confidence weights fitted on the others."
            " In brackets: 95 % intervals by resampling the questions.",
            "",
            f"Commit {machine['commit'][:12]}, Python {machine['python']}, numpy"
            f" {machine['numpy']}, {machine['machine']}. Threshold"
            f" {result['threshold']:.3f}, as shipped for 5 % wrong answers.",
            "",
            *_table(result["corpora"], sizes=result["sizes"]),
            "",
            "Answered, wrong, AUROC: over 70 % answerable questions, 15 % whose article is taken"
            " away, 15 % from far outside. `answered_at_5`: the share answered where 5 % of the"
            " answers are wrong. `oos_auroc`: known questions of an intent as an article.",
            "",
            "## Size",
            "",
            *_scale_table(result.get("scale", [])),
            "",
        ]
    )


def _figure(statistic: Any, *, count: int) -> Figure:
    value = statistic(np.arange(count)) if count else float("nan")
    if np.isnan(value):  # nothing of its kind was asked
        return {"value": value, "interval": None}
    return {
        "value": value,
        "interval": bootstrap_interval(statistic, count=count, rounds=ROUNDS),
    }


def _table(
    corpora: Mapping[str, Mapping[str, Figure]], *, sizes: Mapping[str, Mapping[str, float]]
) -> list[str]:
    names = list(dict.fromkeys(name for found in corpora.values() for name in found))
    head = ["", *corpora]
    rows = [
        [
            "articles, passages",
            *(f"{sizes[one]['articles']}, {sizes[one]['passages']}" for one in corpora),
        ]
    ]
    rows += [[name, *(_cell(found.get(name)) for found in corpora.values())] for name in names]
    return _markdown_table([head, *rows])


def _cell(figure: Figure | None) -> str:
    if figure is None or figure["interval"] is None:
        return ""
    low, high = Interval(*figure["interval"])
    return f"{figure['value']:.3f} ({low:.3f} to {high:.3f})"


def _scale_table(scale: Sequence[Mapping[str, float]]) -> list[str]:
    if not scale:
        return ["Not measured in this run."]
    names = ["passages", "query_ms_p50", "query_ms_p95", "rss_mb", "indexed_per_second"]
    rows = [
        [f"{row[name]:,.0f}" if row[name] >= 100 else f"{row[name]:.1f}" for name in names]
        for row in scale
    ]
    return _markdown_table([names, *rows])


def _markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]]
