"""What customers ask: the demo's answerable questions, no two alike, so that none is kept."""

import itertools
import json
from collections.abc import Iterator

from tests.live.processes import ROOT

QUESTIONS = ROOT / "knowledge" / "demo" / "evaluation.jsonl"


def questions(*, seed: int) -> Iterator[str]:
    """Yield questions without end, each with a number of its own."""
    rows = map(json.loads, QUESTIONS.read_text(encoding="utf-8").splitlines())
    asked = [str(row["question"]) for row in rows if row["expect"] == "answer"]
    for number, question in enumerate(itertools.cycle(asked), 100_000 + 1_000 * seed):
        yield f"{question} Thanks, number {number}"
