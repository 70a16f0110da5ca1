"""What a turn is to do, decided from the record and the articles before any model is asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assistant.claims import Claim
from assistant.confidence import retrieval_confidence
from assistant.small_talk import small_talk_reply
from conversations.models import Conversation, Message
from escalation.models import HandOff
from escalation.policy import find_flag, is_repeated
from escalation.selectors import active_rules
from knowledge.retrieval import Retrieval, retrieve

Author = Message.Author
HISTORY = 12
MAX_HISTORY_CHARACTERS = 1_000
MAX_QUESTION_CHARACTERS = 6_000
FOLLOW_UP = re.compile(r"^(and|what about|how about|also|but what|same for|or)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Say:
    """Answer small talk with a fixed text."""

    text: str


@dataclass(frozen=True, slots=True)
class PassOn:
    """Hand the conversation to people."""

    reason: HandOff.Reason
    detail: str = ""
    urgency: HandOff.Urgency | None = None
    customer_text: str = ""
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Write an answer from these passages."""

    conversation: Conversation
    question: str
    history: tuple[tuple[str, str], ...]
    retrieval: Retrieval
    confidence: float


Plan = Say | PassOn | Answer


def plan_turn(claim: Claim) -> Plan:
    """Return what to do about the customer's messages ``from_seq..through_seq``."""
    conversation = Conversation.objects.select_related("site", "customer").get(
        pk=claim.conversation_pk
    )
    messages = list(
        Message.objects.filter(conversation=conversation, episode=conversation.episode).order_by(
            "seq"
        )
    )
    question = "\n".join(
        message.text
        for message in messages
        if message.author_kind == Author.CUSTOMER
        and claim.from_seq <= message.seq <= claim.through_seq
    )[:MAX_QUESTION_CHARACTERS]
    earlier = [message for message in messages if message.seq < claim.from_seq]
    return (
        _flagged(conversation, question)
        or _small_talk(conversation, question)
        or _repeated(question, earlier)
        or _from_articles(conversation, question, earlier)
    )


def _flagged(conversation: Conversation, question: str) -> PassOn | None:
    flag = find_flag(question, rules=active_rules(conversation.site_id))
    if flag is None:
        return None
    return PassOn(
        reason=flag.reason,
        detail=flag.name,
        urgency=flag.urgency,
        customer_text=flag.customer_text,
    )


def _small_talk(conversation: Conversation, question: str) -> Say | None:
    text = small_talk_reply(question, site_name=conversation.site.name)
    return Say(text) if text else None


def _repeated(question: str, earlier: Sequence[Message]) -> PassOn | None:
    if not is_repeated(question, answered=_answered_questions(earlier)):
        return None
    return PassOn(reason=HandOff.Reason.REPEATED_QUESTION)


def _answered_questions(earlier: Sequence[Message]) -> list[str]:
    """The customer's texts that an answer followed which they did not call helpful."""
    questions: list[str] = []
    waiting: list[str] = []
    for message in earlier:
        if message.author_kind == Author.CUSTOMER:
            waiting.append(message.text)
        elif message.is_answer:
            questions += waiting if message.helpful is not True else []
            waiting = []
    return questions


def _from_articles(
    conversation: Conversation, question: str, earlier: Sequence[Message]
) -> Answer | PassOn:
    found = _retrieve(conversation, question, earlier)
    confidence = retrieval_confidence(found)
    if confidence < conversation.site.answer_threshold or not found.passages:
        return PassOn(reason=HandOff.Reason.LOW_CONFIDENCE, confidence=confidence)
    history = tuple(
        (message.author_kind, message.text[:MAX_HISTORY_CHARACTERS])
        for message in earlier[-HISTORY:]
        if message.author_kind != Author.SYSTEM
    )
    return Answer(conversation, question, history, found, confidence)


def _retrieve(conversation: Conversation, question: str, earlier: Sequence[Message]) -> Retrieval:
    """Look the question up; a short follow-up also together with the question before it."""
    found = retrieve(conversation.site_id, question, locale=conversation.locale)
    before = [message.text for message in earlier if message.author_kind == Author.CUSTOMER]
    if not before or not FOLLOW_UP.match(question) or len(question.split()) > 10:
        return found
    joined = retrieve(conversation.site_id, f"{before[-1]} {question}", locale=conversation.locale)
    return max(found, joined, key=retrieval_confidence)
