"""Drafts a reply for an agent from the help articles; it is sent by nobody but the agent."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from assistant.drafts import citation_of
from assistant.follow_ups import standalone_questions
from assistant.helping.asking import ask_model, quoted
from assistant.helping.cases import Case, as_lines
from assistant.helping.languages import language_name
from assistant.helping.outcomes import BudgetSpent, NeedsModel, NothingFound, Outcome
from assistant.memory import redactor_of
from assistant.planning import ANSWER_DEPTH, Found, look_up, purpose_of
from assistant.reading import Reading, read_messages
from assistant.sources import source_passages
from conversations.models import Message
from core.background import in_database_thread
from llm.errors import ModelError
from llm.extractive import quote_answer
from llm.types import ReplyRequest, SourcePassage

MAX_PASSAGE_CHARACTERS = 2_000
# Of the newest messages, each looked up by itself besides.
MAX_ALONE = 4


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    text: str
    sources: list[int] = []


async def draft_reply(case: Case) -> Outcome:
    """Draft a reply to the customer's newest messages, with its sources.

    Without a model it is what the articles say, word for word. Raises ``NothingFound``.
    """
    asked = case.asked
    reading = await in_database_thread(read_messages)(
        case.conversation.pk, first=asked[0].seq, last=asked[-1].seq
    )
    questions = await standalone_questions(
        reading.question,
        context=reading.context,
        purpose=purpose_of(reading.conversation, "help"),
        redactor=redactor_of(reading.conversation),
    )
    # One of several lines may be the question, and the others thanks.
    alone = [one.text for one in asked[-MAX_ALONE:]] if len(asked) > 1 else []
    found = await in_database_thread(_find)(reading, [*questions, *alone])
    passages = source_passages(found.retrieval.passages[:ANSWER_DEPTH])
    try:
        return await _by_model(case, reading, passages)
    except (NeedsModel, BudgetSpent, ModelError):
        return await in_database_thread(_by_quoting)(reading, found, passages)


def _find(reading: Reading, questions: Sequence[str]) -> Found:
    """Return what the articles answer best of what was said; else of the question before it."""
    site = reading.conversation.site

    def best_of(texts: Iterable[str]) -> Found:
        found = (look_up(site, text, language=reading.language) for text in texts)
        return max(found, key=lambda one: one.confidence)

    found, before = best_of(questions), _unanswered(reading)
    if found.is_sure or not before:
        return found
    earlier = best_of([before])
    return earlier if earlier.is_sure else found


def _unanswered(reading: Reading) -> str:
    """Return the question before, "" where anybody has answered it."""
    before = reading.context.question
    for message in reversed(reading.earlier):
        if message.is_answer or message.author_kind == Message.Author.AGENT:
            return ""
        if message.text == before:
            break
    return before


async def _by_model(case: Case, reading: Reading, passages: tuple[SourcePassage, ...]) -> Outcome:
    reply, made = await ask_model(
        case,
        prompt="draft_reply",
        content=f"{as_lines(case.said)}\n\n{_numbered(passages)}",
        schema=_Reply,
        tier="standard",
        language=language_name(reading.language),
    )
    used = [passages[number - 1] for number in reply.sources if 0 < number <= len(passages)]
    return Outcome({"text": reply.text.strip(), "sources": _sources(used)}, made)


def _by_quoting(reading: Reading, found: Found, passages: tuple[SourcePassage, ...]) -> Outcome:
    if not found.is_sure:
        raise NothingFound
    text, quoted_from = quote_answer(
        ReplyRequest(
            messages=(),
            passages=passages,
            question=found.looked_up,
            deadline=0.0,
            locale=reading.language,
        )
    )
    if not text:
        raise NothingFound
    return Outcome({"text": text, "sources": _sources(quoted_from)})


def _numbered(passages: Sequence[SourcePassage]) -> str:
    parts = (
        f"[{number}] {one.title} \u203a {one.heading}\n{one.text[:MAX_PASSAGE_CHARACTERS]}"
        for number, one in enumerate(passages, start=1)
    )
    return quoted("passages", "\n\n".join(parts) or "None was found.")


def _sources(passages: Sequence[SourcePassage]) -> list[dict[str, str]]:
    """Return each article once, in the order of the passages."""
    by_article: dict[tuple[str, str], SourcePassage] = {}
    for one in passages:
        by_article.setdefault((one.title, one.url), one)
    return [dict[str, str](**citation_of(one)) for one in by_article.values()]
