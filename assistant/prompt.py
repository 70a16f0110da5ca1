"""Builds the prompt: the rules, the passages as data, the conversation."""

import hashlib

from django.conf import settings

from assistant.planning import Answer
from assistant.prompt_library import canary, load_prompt
from conversations.models import Message
from knowledge.retrieval import ScoredPassage
from llm.types import ChatMessage, SourcePassage

MAX_PASSAGE_CHARACTERS = 2_400

__all__ = ["canary", "prompt_messages", "safety_identifier", "source_passages"]


def source_passages(passages: tuple[ScoredPassage, ...]) -> tuple[SourcePassage, ...]:
    """Return retrieved passages in the form that engines take."""
    return tuple(
        SourcePassage(
            id=str(passage.id),
            title=passage.title,
            heading=passage.heading,
            text=passage.text,
            url=passage.url,
            score=passage.score,
            sentence_scores=passage.sentence_cosines,
            # An article's passages are stored in their order.
            position=passage.id,
        )
        for passage in passages
    )


def prompt_messages(plan: Answer) -> tuple[ChatMessage, ...]:
    """Return the whole prompt for an ``Answer``; passages are numbered from 1."""
    passages = "\n\n".join(
        f"[{number}] {passage.title} > {passage.heading}\n{passage.text[:MAX_PASSAGE_CHARACTERS]}"
        for number, passage in enumerate(plan.retrieval.passages, start=1)
    )
    rules = load_prompt("answer", 1).render(site=plan.conversation.site.name, canary=canary())
    system = f"{rules}\n\nPassages:\n\n{passages}"
    said = [
        ChatMessage("user" if kind == Message.Author.CUSTOMER else "assistant", text)
        for kind, text in plan.history
    ]
    return (ChatMessage("system", system), *said, ChatMessage("user", plan.question))


def safety_identifier(plan: Answer) -> str:
    """Return a hash that stands for the customer upstream; the id itself never leaves."""
    key = f"customer:{plan.conversation.customer.public_id}:{settings.SECRET_KEY}"
    return hashlib.sha256(key.encode()).hexdigest()
