"""The weights and the labelled questions that come with the product, as reviewed files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from assistant.fitting import Line, Matrix

FOLDER = Path(__file__).parent
WEIGHTS = FOLDER / "confidence_weights.json"
QUESTIONS = FOLDER / "confidence_reference.json"
# What may speak against an answer that a model wrote; nought for what nobody has written yet.
NO_DOUBTS: Mapping[str, float] = {"self_doubt": 0.0, "ungrounded": 0.0, "surprise": 0.0}


@dataclass(frozen=True, slots=True)
class NamedLine:
    """A regression whose weights go by the features' names."""

    intercept: float
    weights: Mapping[str, float]

    @property
    def names(self) -> tuple[str, ...]:
        """The features in the order of the columns."""
        return tuple(self.weights)

    @property
    def line(self) -> Line:
        """The weights as a vector."""
        return Line(self.intercept, np.array(list(self.weights.values()), dtype=np.float64))

    def as_json(self) -> dict[str, Any]:
        """Return what ``read_line`` reads."""
        return {"intercept": self.intercept, "weights": dict(self.weights)}


@dataclass(frozen=True, slots=True)
class KnownSample:
    """A question whose right answer is known, or that no article answers."""

    features: Mapping[str, float]
    is_right: bool
    is_out_of_scope: bool


def read_line(row: Mapping[str, Any]) -> NamedLine:
    """Return the regression that a file or a calibration holds."""
    weights = {name: float(value) for name, value in row["weights"].items()}
    return NamedLine(float(row["intercept"]), weights)


@lru_cache(maxsize=1)
def shipped_line() -> NamedLine:
    """Return the shipped weights."""
    return read_line(json.loads(WEIGHTS.read_text(encoding="utf-8")))


@lru_cache(maxsize=1)
def shipped_samples() -> tuple[KnownSample, ...]:
    """Return the shipped questions; none where the file was left out on purpose."""
    if not QUESTIONS.exists():
        return ()
    rows = json.loads(QUESTIONS.read_text(encoding="utf-8"))
    return tuple(
        KnownSample({**NO_DOUBTS, **row["features"]}, bool(row["right"]), bool(row["out_of_scope"]))
        for row in rows
    )


def matrix_of(rows: Sequence[Mapping[str, float]], *, names: Sequence[str]) -> Matrix:
    """Return the features (row by name) as numbers."""
    values = [[float(row[name]) for name in names] for row in rows]
    return np.array(values, dtype=np.float64).reshape(len(rows), len(names))
