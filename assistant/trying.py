"""What a turn would do with a question, without a conversation: nothing is stored or sent."""

from dataclasses import dataclass

from django.db import models

from assistant.confidence import retrieval_confidence
from assistant.prompt import source_passages
from assistant.small_talk import small_talk_reply
from conversations.models import Site
from escalation.models import HandOff
from escalation.policy import TEXTS, find_flag
from escalation.selectors import active_rules
from knowledge.retrieval import Retrieval, ScoredPassage, retrieve
from llm.extractive import compose_answer
from llm.types import ReplyRequest


class Decision(models.TextChoices):
    """What the customer would get."""

    ANSWER = "answer", "It would answer"
    ASK_BACK = "ask_back", "It would ask which is meant"
    SMALL_TALK = "small_talk", "It would answer by rule, without the articles"
    HAND_OFF = "hand_off", "It would pass this to a person"


@dataclass(frozen=True, slots=True)
class Trial:
    """The ``text`` in Markdown that would be said, and why; no confidence where a rule decides."""

    decision: Decision
    threshold: float
    text: str = ""
    reason: str = ""
    confidence: float | None = None
    passages: tuple[ScoredPassage, ...] = ()


def try_question(site: Site, question: str, *, locale: str) -> Trial:
    """Return what the assistant would do with ``question`` now, by the engine that quotes."""
    threshold = site.answer_threshold or 0.0
    flag = find_flag(question, rules=active_rules(site.pk))
    if flag is not None:
        text = flag.customer_text or TEXTS[flag.reason]
        return Trial(
            Decision.HAND_OFF, threshold, text, f"The rule \u201c{flag.name}\u201d says so."
        )
    reply = small_talk_reply(question, site_name=site.name)
    if reply:
        return Trial(Decision.SMALL_TALK, threshold, reply)
    return _from_articles(site, question, locale=locale, threshold=threshold)


def _from_articles(site: Site, question: str, *, locale: str, threshold: float) -> Trial:
    found = retrieve(site.pk, question, locale=locale)
    confidence = retrieval_confidence(found)
    if not found.passages:
        return _passed_on("No article speaks of this.", found, confidence, threshold)
    if confidence < threshold:
        return _passed_on("It is not sure enough.", found, confidence, threshold)
    answer = compose_answer(
        ReplyRequest(
            messages=(),
            passages=source_passages(found.passages),
            question=question,
            deadline=0.0,
            locale=locale,
        )
    )
    if not answer:
        return _passed_on("No sentence of it answers.", found, confidence, threshold)
    return Trial(Decision.ANSWER, threshold, answer, "", confidence, found.passages)


def _passed_on(reason: str, found: Retrieval, confidence: float, threshold: float) -> Trial:
    text = TEXTS[HandOff.Reason.LOW_CONFIDENCE]
    return Trial(Decision.HAND_OFF, threshold, text, reason, confidence, found.passages)
