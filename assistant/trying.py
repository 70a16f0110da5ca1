"""What a turn would do with a question, without a conversation: nothing is stored or sent."""

from dataclasses import dataclass, replace

from django.db import models

from assistant.asking_back import choose_between, which_text
from assistant.confidence import threshold_of
from assistant.nonsense import UNCLEAR_TEXT, is_nonsense
from assistant.planning import ANSWER_DEPTH, Say, look_up, pass_on_by_rule
from assistant.small_talk import small_talk_reply
from assistant.sources import source_passages
from conversations.models import Site
from escalation.models import HandOff
from escalation.policy import TEXTS
from knowledge.languages import detect_language
from knowledge.retrieval import ScoredPassage
from llm.extractive import compose_answer
from llm.types import ReplyRequest

Reason = HandOff.Reason


class Decision(models.TextChoices):
    """What the customer would get."""

    ANSWER = "answer", "It would answer"
    ASK_BACK = "ask_back", "It would ask what is meant"
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
    """Return what the assistant would do with ``question`` now, by the engine that quotes.

    As the first message of a conversation: there is nothing that it could follow up.
    """
    return _by_rule(site, question) or _by_articles(site, question, locale=locale)


def _by_rule(site: Site, question: str) -> Trial | None:
    """Return what is decided before anything is looked up."""
    threshold = threshold_of(site)
    passed = pass_on_by_rule(site, question)
    if isinstance(passed, Say):
        return Trial(Decision.SMALL_TALK, threshold, passed.text)
    if passed is not None:
        text = passed.customer_text or TEXTS[passed.reason]
        rule = f"By the rule \u201c{passed.detail}\u201d."
        reason = rule if passed.detail else "It asks for a person."
        return Trial(Decision.HAND_OFF, threshold, text, reason)
    reply = small_talk_reply(question, site_name=site.name)
    if reply:
        return Trial(Decision.SMALL_TALK, threshold, reply)
    if is_nonsense(question):
        return Trial(Decision.ASK_BACK, threshold, UNCLEAR_TEXT, "It holds no word to look up.")
    return None


def _by_articles(site: Site, question: str, *, locale: str) -> Trial:
    language = detect_language(question, default=locale)
    found = look_up(site, question, language=language)
    passages, sure, threshold = found.retrieval.passages, found.confidence, found.threshold
    judged = Trial(Decision.HAND_OFF, threshold, confidence=sure, passages=passages)
    between = choose_between(found.retrieval, confidence=sure, threshold=threshold)
    if found.is_sure:
        text = _quoted(question, passages=passages[:ANSWER_DEPTH], language=language)
        if text:
            return replace(judged, decision=Decision.ANSWER, text=text)
        reason = "No sentence of it answers."
    elif between:
        text = which_text([passage.title for passage in between])
        return replace(judged, decision=Decision.ASK_BACK, text=text, reason="Two fit as well.")
    else:
        reason = "It is not sure enough." if passages else "No article speaks of this."
    return replace(judged, text=TEXTS[Reason.LOW_CONFIDENCE], reason=reason)


def _quoted(question: str, *, passages: tuple[ScoredPassage, ...], language: str) -> str:
    return compose_answer(
        ReplyRequest(
            messages=(),
            passages=source_passages(passages),
            question=question,
            deadline=0.0,
            locale=language,
        )
    )
