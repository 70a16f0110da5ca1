"""What a turn is to do, decided from the record and the articles before any model is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from assistant.asking_back import (
    CLICK_TEXT,
    REWORD_SUGGESTIONS,
    REWORD_TEXT,
    UNCLICKED_TEXT,
    agrees,
    choose_between,
    declines,
    which_text,
)
from assistant.budget import Purpose
from assistant.confidence import confidence_of, features_of, threshold_of
from assistant.follow_ups import (
    is_follow_up,
    needs_rewriting,
    says_enough,
    standalone_questions,
)
from assistant.memory import redactor_of
from assistant.models import Turn
from assistant.nonsense import UNCLEAR_TEXT, is_nonsense
from assistant.person_wishes import wants_person
from assistant.reading import Asked, Reading
from assistant.redaction import Redactor
from assistant.small_talk import REPLIES, small_talk_reply
from assistant.tools import caller_of, tools_for
from conversations.models import Conversation, Message, Site
from core.background import in_database_thread
from escalation.models import HandOff
from escalation.policy import find_flag, is_repeated
from escalation.selectors import active_rules, people_online
from knowledge.fingerprint import knowledge_version
from knowledge.languages import is_same_language
from knowledge.retrieval import Retrieval, ScoredPassage, retrieve

Author = Message.Author
Reason = HandOff.Reason
MAX_TOPIC_CHARACTERS = 50
# An answer is written from so many passages; in more is sought what the customer is asked about.
ANSWER_DEPTH = 5
LOOKED_THROUGH = 20


@dataclass(frozen=True, slots=True)
class Judgement:
    """How sure retrieval was, what that was computed from, and what the question is about.

    ``threshold`` is what it was held against; ``passages`` are those found for ``looked_up``.
    """

    confidence: float | None = None
    features: Mapping[str, float] = field(default_factory=dict)
    topic: str = ""
    threshold: float | None = None
    looked_up: str = ""
    passages: tuple[ScoredPassage, ...] = ()


@dataclass(frozen=True, slots=True)
class Say:
    """Answer small talk, or what a site's rule has a text for, with that text."""

    text: str


@dataclass(frozen=True, slots=True)
class AskBack:
    """Ask the customer instead of answering; ``suggestions`` may be clicked."""

    text: str
    suggestions: tuple[str, ...] = ()
    judgement: Judgement = Judgement()


@dataclass(frozen=True, slots=True)
class PassOn:
    """Hand the conversation to people."""

    reason: HandOff.Reason
    detail: str = ""
    urgency: HandOff.Urgency | None = None
    customer_text: str = ""
    judgement: Judgement = Judgement()


@dataclass(frozen=True, slots=True)
class Answer:
    """Write an answer from these passages; they were found by ``looked_up``.

    With ``otherwise`` they hold too little: that is done unless a tool knows more.
    ``knowledge_version`` is that of the articles before they were searched: an answer is not
    kept as one of articles that came meanwhile.
    """

    reading: Reading
    question: str
    retrieval: Retrieval
    judgement: Judgement
    looked_up: str
    knowledge_version: int = 0
    otherwise: AskBack | PassOn | None = None

    @property
    def conversation(self) -> Conversation:
        """The conversation that it belongs to."""
        return self.reading.conversation


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked up, what was found, and how sure that is."""

    looked_up: str
    retrieval: Retrieval
    judgement: Judgement
    knowledge_version: int

    @property
    def confidence(self) -> float:
        return self.judgement.confidence or 0.0

    @property
    def threshold(self) -> float:
        return self.judgement.threshold or 0.0

    @property
    def is_sure(self) -> bool:
        """Whether the articles are taken to hold the answer."""
        return bool(self.retrieval.passages) and self.confidence >= self.threshold


Plan = Say | AskBack | PassOn | Answer


async def plan_turn(reading: Reading, *, turn_pk: int | None = None) -> Plan:
    """Return what to do about what the customer said.

    The one network call, for a follow-up, lies between two reads of the database; what it
    costs is booked for the turn, if there is one.
    """
    plan = await in_database_thread(_plan_at_once)(reading)
    if plan is not None:
        return plan
    questions = await standalone_questions(
        reading.question,
        context=reading.context,
        purpose=purpose_of(reading.conversation, "rewrite", turn_pk=turn_pk),
        redactor=redactor_of(reading.conversation),
    )
    return await in_database_thread(_plan_by_articles)(reading, questions)


def purpose_of(conversation: Conversation, name: str, *, turn_pk: int | None = None) -> Purpose:
    """Return for whom a model is used in a conversation, also in one that is not stored."""
    # Who is signed in can't become another customer by a click; anybody else can.
    is_counted = conversation.network and not conversation.is_vouched_for
    return Purpose(
        name,
        conversation.site_id,
        conversation.customer_id,
        conversation.pk,
        turn_pk=turn_pk,
        network=conversation.network if is_counted else None,
    )


def _plan_at_once(reading: Reading) -> Plan | None:
    """Return the plan, or None for a follow-up, which is to be put in full first."""
    plan = _plan_by_rule(reading)
    if plan is None and not needs_rewriting(reading.question, context=reading.context):
        return _plan_by_articles(reading, (reading.question,))
    return plan


def _plan_by_rule(reading: Reading) -> Plan | None:
    return (
        _flagged(reading)
        or _replied(reading)
        or _small_talk(reading)
        or _unclear(reading)
        or _repeated(reading)
    )


def _flagged(reading: Reading) -> PassOn | Say | None:
    return pass_on_by_rule(reading.conversation.site, reading.question)


def pass_on_by_rule(site: Site, question: str) -> PassOn | Say | None:
    """Return the hand-off, or the text, that a site's rules or the customer's words ask for."""
    # "Are you a real person?" asks for none.
    is_small_talk = small_talk_reply(question, site_name=site.name) is not None
    flag = find_flag(question, rules=active_rules(site.pk))
    if flag is not None and flag.is_reply_only:
        if not wants_person(question):
            return Say(flag.customer_text)
    elif flag is not None and (flag.reason != Reason.ASKED_FOR_PERSON or not is_small_talk):
        return PassOn(
            reason=flag.reason,
            detail=flag.name,
            urgency=flag.urgency,
            customer_text=flag.customer_text,
        )
    if wants_person(question) and not is_small_talk:
        return PassOn(reason=Reason.ASKED_FOR_PERSON)
    return None


def _replied(reading: Reading) -> Plan | None:
    """Return what follows from a reply to the assistant's own question."""
    if reading.chosen:
        return _plan_chosen(reading, title=reading.chosen)
    asked = reading.pending.asked if reading.pending else None
    if asked not in {Asked.OTHER_WORDS, Asked.CLICK}:
        return None
    if agrees(reading.question):
        # Typed words are no click: what is agreed to must be what the card says.
        is_card = asked is Asked.CLICK
        return Say(CLICK_TEXT) if is_card else PassOn(reason=Reason.ASKED_FOR_PERSON)
    if not declines(reading.question):
        return None
    return Say(UNCLICKED_TEXT if asked is Asked.CLICK else REPLIES["fine"])


def _small_talk(reading: Reading) -> Say | None:
    text = small_talk_reply(reading.question, site_name=reading.conversation.site.name)
    return Say(text) if text else None


def _unclear(reading: Reading) -> AskBack | None:
    """Ask what is meant by a message that says nothing; a second one in a row goes on."""
    was_asked = reading.pending is not None and reading.pending.asked is Asked.WHAT_IS_MEANT
    return AskBack(UNCLEAR_TEXT) if is_nonsense(reading.question) and not was_asked else None


def _repeated(reading: Reading) -> PassOn | None:
    if not is_repeated(reading.question, answered=_answered_questions(reading.earlier)):
        return None
    return PassOn(reason=Reason.REPEATED_QUESTION)


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


def _plan_by_articles(reading: Reading, questions: Sequence[str]) -> Plan:
    """Answer, ask back or hand off, by the question that the articles answer best.

    Of a follow-up the customer's own words come first, where they say enough.
    """
    site = reading.conversation.site
    looked_up = (look_up(site, question, language=reading.language) for question in questions)
    found = next(looked_up)
    if not (found.is_sure and says_enough(reading.question)):
        found = max((found, *looked_up), key=lambda one: one.confidence)
    if found.is_sure:
        return _answer(reading, found)
    unsure = _plan_unsure(reading, found)
    if not _has_tools(reading.conversation):
        return unsure
    return replace(_answer(reading, found), otherwise=unsure)


def _has_tools(conversation: Conversation) -> bool:
    """Whether a tool may know what no article holds: where an order is."""
    is_stored = conversation.pk is not None
    return is_stored and bool(tools_for(conversation.site, caller_of(conversation)))


def _plan_unsure(reading: Reading, found: Found) -> AskBack | PassOn:
    """Ask back or hand off where the articles hold too little."""
    between = choose_between(
        found.retrieval, confidence=found.confidence, threshold=found.threshold
    )
    titles = tuple(passage.title for passage in between or ())
    if titles and (_may_ask(reading) or _asks_anew(reading, titles)):
        return AskBack(which_text(titles), titles, found.judgement)
    if _may_ask(reading) and _is_first_miss(reading.conversation) and not people_online():
        return AskBack(REWORD_TEXT, REWORD_SUGGESTIONS, found.judgement)
    why = "It had asked back just before" if titles else ""
    return PassOn(reason=Reason.LOW_CONFIDENCE, detail=why, judgement=found.judgement)


def look_up(site: Site, question: str, *, language: str) -> Found:
    """Return what a site's articles hold for ``question``, and how sure that is."""
    version = knowledge_version(site.pk)
    redactor = Redactor(locale=language, patterns=site.redaction_patterns)
    retrieval = retrieve(
        site.pk, question, locale=language, limit=LOOKED_THROUGH, redact=redactor.redact
    )
    best = retrieval.best
    is_foreign = best is not None and not is_same_language(language, best.locale)
    features = features_of(retrieval, is_foreign=is_foreign)
    topic = best.tags[0][:MAX_TOPIC_CHARACTERS] if best and best.tags else ""
    judgement = Judgement(
        confidence_of(site, features),
        features,
        topic,
        threshold=threshold_of(site, topic=topic),
        looked_up=question,
        passages=retrieval.passages[:ANSWER_DEPTH],
    )
    return Found(question, retrieval, judgement, version)


def _answer(reading: Reading, found: Found) -> Answer:
    return Answer(
        reading=reading,
        question=reading.question,
        retrieval=replace(found.retrieval, passages=found.retrieval.passages[:ANSWER_DEPTH]),
        judgement=found.judgement,
        looked_up=found.looked_up,
        knowledge_version=found.knowledge_version,
    )


def _plan_chosen(reading: Reading, *, title: str) -> Answer | None:
    """Answer the original question from the article that the customer chose."""
    original = reading.pending.original if reading.pending else reading.question
    found = look_up(reading.conversation.site, original, language=reading.language)
    passages = tuple(one for one in found.retrieval.passages if one.title == title)
    if not passages:
        # It was unpublished meanwhile.
        return None
    chosen = replace(found.retrieval, passages=passages[:ANSWER_DEPTH])
    # The features are those of a search without the choice: nothing is to be learnt from them.
    judgement = replace(
        found.judgement, features={}, threshold=None, passages=passages[:ANSWER_DEPTH]
    )
    chosen_of = replace(found, retrieval=chosen, judgement=judgement)
    return replace(_answer(reading, chosen_of), question=f"{original} ({title})")


def _may_ask(reading: Reading) -> bool:
    """Whether the assistant did not ask what the articles are to be searched for a moment ago."""
    again = {Asked.WHAT_IS_MEANT, Asked.DETAIL, Asked.CLICK}
    return reading.pending is None or reading.pending.asked in again


def _asks_anew(reading: Reading, titles: Sequence[str]) -> bool:
    """Whether the customer, asked which article is meant, asked about another in whole words.

    Never a third time in a row.
    """
    pending = reading.pending
    if pending is None or pending.asked is not Asked.WHICH_ARTICLE:
        return False
    said = [one for one in reading.earlier if one.author_kind != Author.CUSTOMER]
    is_second = len(said) > 1 and not said[-2].is_answer and bool(said[-2].suggestions)
    is_new = not set(titles) <= set(pending.options) and not is_follow_up(reading.question)
    return is_new and not is_second


def _is_first_miss(conversation: Conversation) -> bool:
    """Whether this episode saw neither a hand-off nor a question for other words yet."""
    if conversation.pk is None:
        # A question of an evaluation: nobody asked it before.
        return True
    turns = Turn.objects.filter(
        conversation=conversation,
        message__conversation=conversation,
        message__episode=conversation.episode,
        outcome=Turn.Outcome.ASKED_BACK,
        confidence__isnull=False,
        message__suggestions=list(REWORD_SUGGESTIONS),
    )
    handed_off = HandOff.objects.filter(
        conversation=conversation, episode__number=conversation.episode
    )
    return not turns.exists() and not handed_off.exists()
