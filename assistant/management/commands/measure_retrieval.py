"""``manage.py measure_retrieval``: how well the articles are found, and how well that is known."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from assistant.measuring import Figures, KnownQuestion, Outcome, ask_all, figures
from conversations.models import Site
from knowledge.importing import import_markdown_folder
from knowledge.indexing import index_article
from knowledge.services import ArticleContent, store_article

DEMO: Path = settings.BASE_DIR / "knowledge" / "demo"
PUBLIC_SETS = ("stackfaq", "claudedocs")
Fill = Callable[[Site], None]


class Command(BaseCommand):
    """Works in a transaction that is rolled back, so the database stays as it was."""

    help = "Measure retrieval on the demo's questions, or on public data sets in a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--demo", action="store_true", help="the demo's articles and questions")
        parser.add_argument("--data", type=Path, help="folder of kb_*.json and intents_*.json")
        parser.add_argument("--threshold", type=float, default=0.5)
        parser.add_argument("--misses", action="store_true", help="list what went wrong")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure what was asked for."""
        if not options["demo"] and options["data"] is None:
            raise CommandError("say what to measure on: --demo, --data FOLDER, or both")
        if options["demo"]:
            self._measure("demo", fill=_fill_demo, questions=_demo_questions(), options=options)
        if options["data"] is not None:
            for name in PUBLIC_SETS:
                articles, questions = _public_set(options["data"], name=name)
                fill = _filling(articles)
                self._measure(name, fill=fill, questions=questions, options=options)

    def _measure(
        self, name: str, *, fill: Fill, questions: list[KnownQuestion], options: dict[str, Any]
    ) -> None:
        with _site_for_now(fill) as site:
            started = perf_counter()
            outcomes = ask_all(site, questions)
            spent = perf_counter() - started
        threshold = options["threshold"]
        line = _line(name, figures(outcomes, threshold=threshold))
        self.stdout.write(f"{line}; {1_000 * spent / len(outcomes):.1f} ms a question")
        if options["misses"]:
            for outcome in outcomes:
                if _is_miss(outcome, threshold=threshold):
                    self.stdout.write(f"  {_miss(outcome)}")


@contextmanager
def _site_for_now(fill: Fill) -> Iterator[Site]:
    """Make a site with articles that is gone after the block."""
    with transaction.atomic():
        site = Site.objects.create(key="measured-for-now", name="Measured")
        fill(site)
        yield site
        transaction.set_rollback(True)


def _fill_demo(site: Site) -> None:
    result = import_markdown_folder(site, path=DEMO / "articles", now=True)
    if result.errors:
        raise CommandError(f"articles were refused: {result.errors}")


def _filling(articles: list[dict[str, Any]]) -> Fill:
    """Return a function that stores and indexes the articles of a public set."""

    def fill(site: Site) -> None:
        for article in articles:
            content = ArticleContent(title=article["title"][:200], body=article["body"])
            saved = store_article(site, slug=_slug(article["id"]), content=content)
            index_article(saved.article.pk)

    return fill


def _demo_questions() -> list[KnownQuestion]:
    rows = _read(DEMO / "questions.json")
    return [KnownQuestion(row["question"], frozenset(row["articles"])) for row in rows]


def _public_set(folder: Path, *, name: str) -> tuple[list[dict[str, Any]], list[KnownQuestion]]:
    """Return a set's articles, and its questions with those that are out of every scope."""
    data = _read(folder / f"kb_{name}.json")
    known = [
        KnownQuestion(row["text"], frozenset(map(_slug, row["articles"])))
        for row in data["questions"]
    ]
    intents = _read(folder / "intents_clinc150.json")
    stray = [KnownQuestion(text) for text, _ in intents["oos_train"] + intents["oos_val"]]
    return data["articles"], known + stray


def _slug(number: int) -> str:
    return f"article-{number}"


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CommandError(f"{path} is not there") from error


def _line(name: str, found: Figures) -> str:
    return (
        f"{name}: {found.answerable} questions with an answer: "
        f"R@1 {found.recall_1:.3f}, R@3 {found.recall_3:.3f}, MRR {found.mrr:.3f}; "
        f"answered {found.answered:.1%}, wrong {found.wrong:.1%}, handed off "
        f"{found.passed_on:.1%}; {found.unanswerable} without one: "
        f"handed off {found.refused:.1%}"
    )


def _is_miss(outcome: Outcome, *, threshold: float) -> bool:
    is_sure = outcome.confidence >= threshold
    return is_sure != bool(outcome.question.slugs) or (is_sure and outcome.rank != 1)


def _miss(outcome: Outcome) -> str:
    wanted = ", ".join(sorted(outcome.question.slugs)) or "nobody"
    return f"{outcome.confidence:.2f} rank {outcome.rank}: {outcome.question.text} ({wanted})"
