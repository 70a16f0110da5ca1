"""What a turn would do with a question, without a conversation: nothing is stored or sent."""

from dataclasses import dataclass, replace

from django.db import models

from assistant.asking_back import choose_between, which_text
from assistant.confidence import confidence_of, features_of, threshold_of
from assistant.nonsense import UNCLEAR_TEXT, is_nonsense
from assistant.person_wishes import wants_person
from assistant.planning import ANSWER_DEPTH, LOOKED_THROUGH
from assistant.prompt import source_passages
from assistant.small_talk import small_talk_reply
from conversations.models import Site
from escalation.models import HandOff
from escalation.policy import TEXTS, find_flag
from escalation.selectors import active_rules
from knowledge.languages import detect_language, is_same_language
from knowledge.retrieval import ScoredPassage, retrieve
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
    flag = find_flag(question, rules=active_rules(site.pk))
    reply = small_talk_reply(question, site_name=site.name)
    if flag is not None and (flag.reason != Reason.ASKED_FOR_PERSON or not reply):
        text = flag.customer_text or TEXTS[flag.reason]
        return Trial(Decision.HAND_OFF, threshold, text, f"By the rule \u201c{flag.name}\u201d.")
    if reply:
        return Trial(Decision.SMALL_TALK, threshold, reply)
    if wants_person(question):
        text = TEXTS[Reason.ASKED_FOR_PERSON]
        return Trial(Decision.HAND_OFF, threshold, text, "It asks for a person.")
    if is_nonsense(question):
        return Trial(Decision.ASK_BACK, threshold, UNCLEAR_TEXT, "It holds no word to look up.")
    return None


def _by_articles(site: Site, question: str, *, locale: str) -> Trial:
    language = detect_language(question, default=locale)
    found = retrieve(site.pk, question, locale=language, limit=LOOKED_THROUGH)
    best = found.best
    is_foreign = best is not None and not is_same_language(language, best.locale)
    confidence = confidence_of(site, features_of(found, is_foreign=is_foreign))
    threshold = threshold_of(site, topic=best.tags[0] if best and best.tags else "")
    judged = Trial(Decision.HAND_OFF, threshold, confidence=confidence, passages=found.passages)
    between = choose_between(found, confidence=confidence, threshold=threshold)
    if best is not None and confidence >= threshold:
        text = _quoted(question, passages=found.passages[:ANSWER_DEPTH], language=language)
        if text:
            return replace(judged, decision=Decision.ANSWER, text=text)
        reason = "No sentence of it answers."
    elif between:
        text = which_text([passage.title for passage in between])
        return replace(judged, decision=Decision.ASK_BACK, text=text, reason="Two fit as well.")
    else:
        reason = "It is not sure enough." if best else "No article speaks of this."
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
