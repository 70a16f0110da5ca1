"""``manage.py evaluate FILE.jsonl``: questions with expectations through whole turns."""

import asyncio
import json
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from assistant.evaluation.cases import read_cases
from assistant.evaluation.comparing import (
    Comparison,
    Summary,
    as_rows,
    compare,
    read_baseline,
    summarise,
)
from assistant.evaluation.demo import make_demo_site
from assistant.evaluation.judging import Mark, Result
from assistant.evaluation.running import evaluate
from conversations.models import Site
from core.errors import BadInput
from knowledge.scale import own_database
from llm.engines import choose_engine, extractive_engine
from llm.replaying import RecordingEngine, ReplayedEngine, read_recordings
from llm.types import Engine

ENGINES = ("configured", "extractive", "replayed")
BAD_INPUT = 2


class Command(BaseCommand):
    """Exits with 1 where it became worse than the baseline, or is wrong without one.

    With 2 where a file can't be used.
    """

    help = "Run questions through whole turns and judge what came of them; nothing is sent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path, help="one JSON object a line")
        parser.add_argument("--site", help="key of the site; the only one when left out")
        parser.add_argument(
            "--demo", action="store_true", help="the demo's articles in a database of their own"
        )
        parser.add_argument("--engine", choices=ENGINES, default="configured")
        parser.add_argument("--replies", type=Path, help="with --engine replayed: recorded ones")
        parser.add_argument("--record", type=Path, help="add the model's replies to this file")
        parser.add_argument("--at-once", type=int, default=1, help="turns side by side")
        parser.add_argument("--baseline", type=Path, help="compare with this summary")
        parser.add_argument(
            "--tolerance", type=int, default=0, help="so many questions may be worse"
        )
        parser.add_argument("--write-baseline", type=Path, help="keep this summary")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Evaluate; a bad file is named before anything is asked."""
        try:
            cases = read_cases(options["file"])
            baseline = read_baseline(options["baseline"]) if options["baseline"] else None
            engine = _engine(options)
            if options["demo"]:
                with own_database():
                    results = _ask(cases, site=make_demo_site(), engine=engine, options=options)
            else:
                results = _ask(cases, site=_site(options["site"]), engine=engine, options=options)
        except BadInput as error:
            raise CommandError(error.detail, returncode=BAD_INPUT) from error
        summary = summarise(results)
        if options["write_baseline"]:
            text = summary.model_dump_json(indent=2) + "\n"
            options["write_baseline"].write_text(text, encoding="utf-8")
        changes = (
            compare(summary, baseline, tolerance=options["tolerance"]) if baseline else Comparison()
        )
        if options["json"]:
            self.stdout.write(_dump(results, summary=summary, changes=changes))
        else:
            self._print(results, summary=summary, baseline=baseline, changes=changes)
        if changes.regressions:
            raise CommandError("worse than the baseline:\n" + "\n".join(changes.regressions))
        if baseline is None and summary.wrong and not options["write_baseline"]:
            raise CommandError(f"{summary.wrong} wrong")

    def _print(
        self,
        results: Sequence[Result],
        *,
        summary: Summary,
        baseline: Summary | None,
        changes: Comparison,
    ) -> None:
        for result in results:
            if result.mark is not Mark.RIGHT or result.stopped:
                reasons = filter(None, [result.why, *(f"stopped: {one}" for one in result.stopped)])
                self.stdout.write(
                    f"{result.mark:<11}{result.case.question}  ({'; '.join(reasons)})"
                )
        for name, value, before in as_rows(summary, baseline):
            self.stdout.write(f"{name:<14}{value!s:>10}{before!s:>12}".rstrip())
        for title, lines in (("better", changes.better), ("worse", changes.worse)):
            for line in lines:
                self.stdout.write(f"{title:<11}{line}")


def _dump(results: Sequence[Result], *, summary: Summary, changes: Comparison) -> str:
    value = {
        "summary": summary.model_dump(exclude={"marks"}),
        "changes": asdict(changes),
        "results": [_as_json(result) for result in results],
    }
    return json.dumps(value)


def _ask(cases: Any, *, site: Site, engine: Engine | None, options: dict[str, Any]) -> list[Result]:
    return asyncio.run(evaluate(cases, site=site, engine=engine, at_once=options["at_once"]))


def _engine(options: dict[str, Any]) -> Engine | None:
    if options["engine"] == "extractive":
        return extractive_engine()
    if options["engine"] == "replayed":
        if options["replies"] is None:
            raise BadInput("--engine replayed needs --replies.")
        try:
            return ReplayedEngine(read_recordings(options["replies"]))
        except (OSError, ValueError) as error:
            raise BadInput(str(error)) from error
    return RecordingEngine(choose_engine(), path=options["record"]) if options["record"] else None


def _site(key: str | None) -> Site:
    sites = list(Site.objects.filter(key=key) if key else Site.objects.all()[:2])
    if len(sites) != 1:
        raise BadInput(f"There is no site {key!r}." if key else "Name the site with --site.")
    return sites[0]


def _as_json(result: Result) -> dict[str, Any]:
    return {
        "question": result.case.question,
        "expected": result.case.expect,
        "outcome": result.outcome,
        "mark": result.mark,
        "why": result.why,
        "text": result.text,
        "unsupported": result.unsupported,
        "cost_usd": float(result.cost),
        "seconds": round(result.seconds, 3),
        "model": result.model,
        "stopped": result.stopped,
    }
