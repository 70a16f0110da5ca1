"""``manage.py bench_knowledge``: how well articles are found, and how well that is known."""

import json
import logging
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from assistant.benchmark.asking import Asked, Kind
from assistant.benchmark.collecting import ask_once, collect
from assistant.benchmark.corpora import (
    Corpus,
    read_demo,
    read_folder,
    read_intents,
    read_knowledge_base,
)
from assistant.benchmark.judging import chances_of, fit_line, scope_auroc, unseen_curve
from assistant.benchmark.report import as_markdown, describe_machine, judge, judge_all
from assistant.benchmark.shipping import write_weights
from assistant.confidence import shipped_threshold
from assistant.reference import shipped_line
from core.errors import BadInput
from knowledge.scale import measure_scale, own_database, resident_mb

TARGET = 0.05
PAGE: Path = settings.BASE_DIR / "docs" / "benchmarks" / "knowledge.md"


class Command(BaseCommand):
    """Works in a database of its own, which is removed afterwards."""

    help = (
        "Measure retrieval and confidence on a knowledge base in a file (--kb, --intents), on the "
        "demo's (--demo), or on a folder of them with weights fitted on the others (--data)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--kb", type=Path, help="{articles, questions} as JSON")
        parser.add_argument("--intents", type=Path, help="{train, val, oos_val, ...} as JSON")
        parser.add_argument("--demo", action="store_true", help="the demo's articles and questions")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--data", type=Path, help="folder of kb_*.json and intents_*")
        parser.add_argument(
            "--scale", type=int, nargs="*", default=[], help="with --data: so many passages, timed"
        )
        parser.add_argument("--write", action="store_true", help="with --data: docs/benchmarks/")
        parser.add_argument("--fit", action="store_true", help="with --data: ship the new weights")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure what was asked for; a bad file is named before anything is done."""
        logging.getLogger("assistant.benchmark").setLevel(logging.INFO)
        try:
            if options["data"]:
                self._measure_folder(options)
            else:
                self._measure_one(options)
        except BadInput as error:
            raise CommandError(error.detail) from error

    def _measure_one(self, options: dict[str, Any]) -> None:
        corpus, intents = _one_corpus(options)
        result: dict[str, Any] = {}
        with own_database():
            if corpus:
                asked, sizes = ask_once(corpus)
                result |= sizes | _plain_figures(asked)
            if intents:
                asked, sizes = ask_once(intents, with_removed=False)
                result |= {"oos_auroc": scope_auroc(asked, chances_of(shipped_line(), asked))}
                result = sizes | {"questions": len(asked)} | _times(asked) | result
            result["rss_mb"] = resident_mb()
        if options["json"]:
            self.stdout.write(json.dumps({name: _plain(one) for name, one in result.items()}))
            return
        for name, value in result.items():
            self.stdout.write(
                f"{name}: {value:.3f}" if isinstance(value, float) else f"{name}: {value}"
            )

    def _measure_folder(self, options: dict[str, Any]) -> None:
        bases, intents = read_folder(options["data"])
        with own_database():
            groups, sizes = collect(bases, intents=intents)
        if options["fit"]:
            names = [one.name for one in bases]
            write_weights(
                fit_line(groups), unseen_curve(groups, corpora=names), demo=groups[0].asked
            )
        threshold = shipped_threshold(TARGET)
        result = {
            "machine": describe_machine(),
            "threshold": threshold,
            "sizes": sizes,
            "corpora": judge_all(groups, threshold=threshold),
            "times": {one.corpus: _times(one.asked) for one in reversed(groups)},
            "scale": [measure_scale(size) for size in options["scale"]],
        }
        page = as_markdown(result)
        if options["write"]:
            PAGE.parent.mkdir(exist_ok=True)
            PAGE.write_text(page, encoding="utf-8")
            PAGE.with_suffix(".json").write_text(
                json.dumps(result, indent=1) + "\n", encoding="utf-8"
            )
        self.stdout.write(page)


def _one_corpus(options: dict[str, Any]) -> tuple[Corpus | None, Corpus | None]:
    kb, intents = options["kb"], options["intents"]
    if kb is None and intents is None and not options["demo"]:
        raise CommandError(
            "say what to measure on: --kb FILE, --intents FILE, --demo or --data FOLDER"
        )
    base = (
        read_knowledge_base(kb, intents=intents) if kb else read_demo() if options["demo"] else None
    )
    return base, read_intents(intents) if intents else None


def _plain_figures(asked: list[Asked]) -> dict[str, Any]:
    found = judge(asked, shipped_line(), threshold=shipped_threshold(TARGET))
    questions = sum(one.kind in (Kind.ANSWERABLE, Kind.STRAY) for one in asked)
    values = {name: figure["value"] for name, figure in found.items()}
    return {"questions": questions, **values, **_times(asked)}


def _times(asked: list[Asked] | Any) -> dict[str, float]:
    taken = [one.milliseconds for one in asked]
    return {
        "query_ms_p50": float(np.percentile(taken, 50)),
        "query_ms_p95": float(np.percentile(taken, 95)),
    }


def _plain(value: Any) -> Any:
    """Return a figure as JSON takes it: there is no NaN."""
    return None if isinstance(value, float) and np.isnan(value) else value
