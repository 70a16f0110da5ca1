"""How much of the personal data in labelled texts is found, and how much else is taken for it."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from assistant.redaction import Span, SpanType, find_spans
from core.errors import BadInput

FILE = "pii_spans.json"
# The corpus's names of what is looked for; its other labels (names, places) are not.
TYPES: Mapping[str, SpanType] = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "CREDIT_CARD": "CARD",
    "IBAN_CODE": "IBAN",
    "IP_ADDRESS": "IP",
    "US_SSN": "NATIONAL_ID",
    "US_DRIVER_LICENSE": "NATIONAL_ID",
}
TARGETS: tuple[SpanType, ...] = ("EMAIL", "CARD", "PHONE", "IBAN", "IP")
RECALL, PRECISION = 0.98, 0.99


class _Label(BaseModel):
    type: str
    start: int
    end: int


class LabelledText(BaseModel):
    """A text with the personal data that people or a generator marked in it."""

    text: str
    spans: list[_Label]


@dataclass(frozen=True, slots=True)
class TypeFigures:
    """Counts for one type; a span counts as found only with its exact start and end."""

    type: str
    found: int
    missed: int
    wrong: int

    @property
    def recall(self) -> float | None:
        """The share of marked spans that were found; None when none are marked."""
        marked = self.found + self.missed
        return self.found / marked if marked else None

    @property
    def precision(self) -> float | None:
        """The share of reported spans that are marked; None when none were reported."""
        reported = self.found + self.wrong
        return self.found / reported if reported else None

    @property
    def is_on_target(self) -> bool:
        """Tell whether both shares are as wanted."""
        return (self.recall or 0) >= RECALL and (self.precision or 0) >= PRECISION


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures, with each mistake as (what, type, line number) and the time of one text."""

    texts: int
    types: tuple[TypeFigures, ...]
    mistakes: tuple[tuple[str, str, int], ...]
    milliseconds_p50: float
    milliseconds_max: float


def read_labelled(folder: Path) -> list[LabelledText]:
    """Return the corpus in ``folder``; raise ``BadInput`` that says what is absent or wrong."""
    path = folder / FILE
    if not path.is_file():
        raise BadInput(f"{path} is absent: there is nothing to measure on")
    try:
        return TypeAdapter(list[LabelledText]).validate_json(path.read_bytes())
    except ValidationError as error:
        raise BadInput(
            f"{path} is no list of texts with spans: {error.error_count()} errors"
        ) from error


def measure(texts: Sequence[LabelledText]) -> Measured:
    """Look for personal data in ``texts`` and compare it with the labels."""
    counts: Counter[tuple[str, str]] = Counter()
    mistakes: list[tuple[str, str, int]] = []
    taken: list[float] = []
    for number, labelled in enumerate(texts):
        taken.append(min(_milliseconds(labelled.text) for _ in range(3)))
        for what, kind in _compare(labelled, find_spans(labelled.text)):
            counts[what, kind] += 1
            if what != "found":
                mistakes.append((what, kind, number))
    types = tuple(_figures(kind, counts) for kind in (*TARGETS, "NATIONAL_ID"))
    taken.sort()
    return Measured(len(texts), types, tuple(mistakes), taken[len(taken) // 2], taken[-1])


def as_json(measured: Measured) -> str:
    """Return the figures as one JSON object."""
    types = {
        one.type: {
            "found": one.found,
            "missed": one.missed,
            "wrong": one.wrong,
            "recall": one.recall,
            "precision": one.precision,
        }
        for one in measured.types
    }
    return json.dumps(
        {
            "texts": measured.texts,
            "types": types,
            "mistakes": measured.mistakes,
            "milliseconds_p50": round(measured.milliseconds_p50, 3),
            "milliseconds_max": round(measured.milliseconds_max, 3),
        }
    )


def as_table(measured: Measured) -> str:
    """Return the figures as a Markdown table, with the mistakes below it."""
    rows = [
        "| type | marked | found | missed | wrong | recall | precision |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {one.type} | {one.found + one.missed} | {one.found} | {one.missed} | {one.wrong} "
            f"| {_share(one.recall)} | {_share(one.precision)} |"
            for one in measured.types
        ),
        "",
        f"{measured.texts} texts; {measured.milliseconds_p50:.2f} ms for a text in the median, "
        f"{measured.milliseconds_max:.2f} ms at most, the best of three looks at each.",
    ]
    if measured.mistakes:
        rows += ["", *(f"- {what}: {kind} in text {at}" for what, kind, at in measured.mistakes)]
    return "\n".join(rows) + "\n"


def _milliseconds(text: str) -> float:
    began = time.perf_counter()
    find_spans(text)
    return (time.perf_counter() - began) * 1000


def _compare(labelled: LabelledText, spans: Sequence[Span]) -> Iterator[tuple[str, str]]:
    marked = {(TYPES[one.type], one.start, one.end) for one in labelled.spans if one.type in TYPES}
    reported = {(one.type, one.start, one.end) for one in spans}
    yield from (("found", kind) for kind, _, _ in sorted(marked & reported))
    yield from (("missed", kind) for kind, _, _ in sorted(marked - reported))
    yield from (("wrong", kind) for kind, _, _ in sorted(reported - marked))


def _figures(kind: str, counts: Counter[tuple[str, str]]) -> TypeFigures:
    return TypeFigures(kind, counts["found", kind], counts["missed", kind], counts["wrong", kind])


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
