"""Writes the files that the product ships: weights, their curve, the demo's labelled questions."""

import json
from collections.abc import Sequence
from typing import Any

from assistant.benchmark.asking import Asked, Kind
from assistant.benchmark.judging import ASSUMED
from assistant.fitting import RiskPoint
from assistant.reference import QUESTIONS, WEIGHTS, NamedLine

DIGITS = 5
KEPT_POINTS = 150


def write_weights(line: NamedLine, curve: Sequence[RiskPoint], *, demo: Sequence[Asked]) -> None:
    """Write both files, rounded so that a reviewer can read them."""
    file = {
        "assumed_mix": {str(kind): share for kind, share in ASSUMED.items()},
        "intercept": round(line.intercept, DIGITS),
        "weights": {name: round(value, DIGITS) for name, value in line.weights.items()},
        "points": [[round(value, DIGITS) for value in point] for point in _lower_hull(curve)],
    }
    WEIGHTS.write_text(_dump(file), encoding="utf-8")
    rows = [
        {
            "features": {name: round(value, DIGITS) for name, value in one.features.items()},
            "right": one.is_right,
            "out_of_scope": one.kind != Kind.ANSWERABLE,
        }
        for one in demo
        if one.kind != Kind.FAR
    ]
    lines = ",\n".join(json.dumps(row) for row in rows)
    QUESTIONS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _lower_hull(curve: Sequence[RiskPoint]) -> list[RiskPoint]:
    """Return the points at which less risk can't be had with as much coverage, thinned."""
    kept: list[RiskPoint] = []
    for point in reversed(curve):  # from the most coverage on
        if not kept or point.risk < kept[-1].risk:
            kept.append(point)
    every = max(1, len(kept) // KEPT_POINTS)
    return [point for place, point in enumerate(kept) if place % every == 0][::-1]


def _dump(file: dict[str, Any]) -> str:
    """Return JSON with each point on a line of its own."""
    head = {name: value for name, value in file.items() if name != "points"}
    points = ",\n".join(f"  {json.dumps(point)}" for point in file["points"])
    return json.dumps(head, indent=1)[:-2] + f',\n "points": [\n{points}\n ]\n}}\n'
