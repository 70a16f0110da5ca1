"""Asks the cases one after the other, each as the first words of a customer nobody knows."""

import asyncio
import time
from collections.abc import Sequence

from assistant.composing import compose
from assistant.drafts import Job
from assistant.evaluation.cases import Case, Said
from assistant.evaluation.judging import Result, judge
from assistant.reading import read_question
from conversations.models import Message, Site
from core.background import in_database_thread
from knowledge.models import Article
from llm.types import Engine

CASE_SECONDS = 65.0


async def evaluate(
    cases: Sequence[Case], *, site: Site, engine: Engine | None = None, at_once: int = 1
) -> list[Result]:
    """Return a result a case, in their order; ``engine`` None is the configured one.

    ``at_once`` turns run side by side: more than one makes the times worthless.
    """
    slugs = await in_database_thread(_slugs)(site)
    free = asyncio.Semaphore(at_once)

    async def run(case: Case) -> Result:
        async with free:
            return await _run(case, site=site, engine=engine, slugs=slugs)

    return list(await asyncio.gather(*(run(case) for case in cases)))


async def _run(case: Case, *, site: Site, engine: Engine | None, slugs: dict[str, str]) -> Result:
    earlier = [_message(said, seq=number) for number, said in enumerate(case.earlier, 1)]
    reading = await in_database_thread(read_question)(site, case.question, earlier=earlier)
    began = time.monotonic()
    composed = await compose(reading, Job(seconds=CASE_SECONDS, engine=engine))
    return judge(case, composed, slugs=slugs, seconds=time.monotonic() - began)


def _message(said: Said, *, seq: int) -> Message:
    is_answer = said.author == "assistant"
    return Message(seq=seq, author_kind=said.author, text=said.text, is_answer=is_answer)


def _slugs(site: Site) -> dict[str, str]:
    return dict(Article.objects.filter(site=site).values_list("title", "slug"))
