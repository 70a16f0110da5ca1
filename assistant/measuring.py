"""Measures retrieval and confidence on questions whose right articles are known."""

from collections.abc import Iterable
from dataclasses import dataclass

from assistant.confidence import retrieval_confidence
from conversations.models import Site
from knowledge.retrieval import retrieve

DEPTH = 5


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """A question with the slugs of the articles that answer it; none: nothing does."""

    text: str
    slugs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a question: the rank (from 1) of a right article, and how sure we were."""

    question: KnownQuestion
    rank: int | None
    confidence: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares from 0 to 1.

    ``recall_1``, ``recall_3`` and ``mrr`` are over the questions that have an answer, as are
    ``answered`` (confident, the right article on top), ``wrong`` (confident, another on top)
    and ``passed_on``; ``refused`` is over the questions that have none.
    """

    answerable: int
    unanswerable: int
    recall_1: float
    recall_3: float
    mrr: float
    answered: float
    wrong: float
    passed_on: float
    refused: float


def ask_all(site: Site, questions: Iterable[KnownQuestion]) -> list[Outcome]:
    """Look every question up in the articles of ``site``."""
    return [_ask(site, question) for question in questions]


def figures(outcomes: Iterable[Outcome], *, threshold: float) -> Figures:
    """Return the figures at one threshold of confidence."""
    known: list[Outcome] = []
    unknown: list[Outcome] = []
    for outcome in outcomes:
        (known if outcome.question.slugs else unknown).append(outcome)
    sure = [one for one in known if one.confidence >= threshold]
    return Figures(
        answerable=len(known),
        unanswerable=len(unknown),
        recall_1=_share(one.rank == 1 for one in known),
        recall_3=_share(one.rank is not None and one.rank <= 3 for one in known),
        mrr=_share(1 / one.rank if one.rank else 0.0 for one in known),
        answered=sum(one.rank == 1 for one in sure) / max(1, len(known)),
        wrong=sum(one.rank != 1 for one in sure) / max(1, len(known)),
        passed_on=_share(one.confidence < threshold for one in known),
        refused=_share(one.confidence < threshold for one in unknown),
    )


def _ask(site: Site, question: KnownQuestion) -> Outcome:
    found = retrieve(site.pk, question.text, locale=site.locale, limit=DEPTH)
    slugs = dict.fromkeys(passage.slug for passage in found.passages)
    ranks = (rank for rank, slug in enumerate(slugs, start=1) if slug in question.slugs)
    return Outcome(question, next(ranks, None), retrieval_confidence(found))


def _share(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / max(1, len(listed))
