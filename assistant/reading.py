"""What a turn is about, read from the record: the question, what came before it, its language."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from assistant.asking_back import chosen_title
from assistant.claims import Claim
from assistant.follow_ups import Context, is_follow_up
from assistant.models import ToolCall, Turn
from assistant.nonsense import is_nonsense
from assistant.small_talk import small_talk_reply
from conversations.models import Conversation, Customer, Message, Site
from conversations.selectors import messages_of_episode, read_conversation
from core.rows import fetch_row
from knowledge.languages import detect_language, is_same_language
from knowledge.models import Article, Audience

Author = Message.Author
MAX_QUESTION_CHARACTERS = 6_000
SAID_BEFORE = 6
LANGUAGES_SECONDS = 60


class Asked(Enum):
    """What the assistant asked the customer instead of answering."""

    WHICH_ARTICLE = auto()
    OTHER_WORDS = auto()
    WHAT_IS_MEANT = auto()
    DETAIL = auto()
    CLICK = auto()


@dataclass(frozen=True, slots=True)
class Pending:
    """The assistant's question that the customer's message replies to."""

    asked: Asked
    options: tuple[str, ...]
    original: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The customer's message with all that it is understood by; ``earlier`` is oldest first."""

    conversation: Conversation
    question: str
    earlier: tuple[Message, ...]
    pending: Pending | None
    language: str

    @property
    def chosen(self) -> str | None:
        """The title of the article that the customer picked when asked which."""
        if self.pending is None or self.pending.asked is not Asked.WHICH_ARTICLE:
            return None
        return chosen_title(self.question, titles=self.pending.options)

    @property
    def context(self) -> Context:
        """What a follow-up refers to."""
        cited = [message.citations for message in self.earlier if message.citations]
        return Context(
            question=_full_question(self.earlier),
            title=str(cited[-1][0].get("title", "")) if cited else "",
            said=tuple(
                (message.author_kind == Author.CUSTOMER, message.text)
                for message in self.earlier[-SAID_BEFORE:]
                if message.author_kind != Author.SYSTEM
            ),
        )


def read_turn(claim: Claim) -> Reading:
    """Return the reading of the customer's messages ``from_seq..through_seq``."""
    return read_messages(claim.conversation_pk, first=claim.from_seq, last=claim.through_seq)


def read_messages(conversation_pk: int, *, first: int, last: int) -> Reading:
    """Return the reading of what the customer said in ``first..last``, as it stood then."""
    conversation = read_conversation(conversation_pk)
    messages = messages_of_episode(conversation_pk, through=last)
    question = _asked_in(messages, first=first, last=last)
    earlier = tuple(message for message in messages if message.seq < first)
    return Reading(
        conversation=conversation,
        question=question,
        earlier=earlier,
        pending=_pending(messages, earlier=earlier),
        language=_language(conversation, question),
    )


def read_question(site: Site, question: str, *, earlier: Sequence[Message] = ()) -> Reading:
    """Return the reading of a question that nobody asked: of no conversation that is stored."""
    customer = Customer(site=site)
    conversation = Conversation(site=site, customer=customer, locale=site.locale)
    return Reading(
        conversation=conversation,
        question=question[:MAX_QUESTION_CHARACTERS],
        earlier=tuple(earlier),
        pending=None,
        language=_language(conversation, question),
    )


def _asked_in(messages: Sequence[Message], *, first: int, last: int) -> str:
    said = (
        message.text
        for message in messages
        if message.author_kind == Author.CUSTOMER and first <= message.seq <= last
    )
    return "\n".join(said)[:MAX_QUESTION_CHARACTERS]


def _pending(messages: Sequence[Message], *, earlier: Sequence[Message]) -> Pending | None:
    """Return what the assistant asked with the last words that anybody but the customer said."""
    replies = [message for message in earlier if message.author_kind != Author.CUSTOMER]
    if not replies or replies[-1].author_kind != Author.ASSISTANT:
        return None
    asked_by = "WHERE message_id = %s AND outcome = %s"
    turn = fetch_row(Turn, asked_by, [replies[-1].pk, Turn.Outcome.ASKED_BACK])
    if turn is None:
        return None
    options = tuple(replies[-1].suggestions)
    last = turn.through_seq or turn.from_seq
    original = _asked_in(messages, first=turn.from_seq, last=last)
    return Pending(_asked(turn, options=options), options, original)


def _asked(turn: Turn, *, options: Sequence[str]) -> Asked:
    """Tell the questions apart by what only one of them has: options, no confidence, a card."""
    if len(options) > 1:
        return Asked.WHICH_ARTICLE
    if turn.confidence is None:
        return Asked.WHAT_IS_MEANT
    if options:
        return Asked.OTHER_WORDS
    is_open = turn.tool_calls.filter(message=turn.message_id, state=ToolCall.State.PROPOSED)
    return Asked.CLICK if is_open.exists() else Asked.DETAIL


def _full_question(earlier: Sequence[Message]) -> str:
    """Return the customer's last words that stand for themselves, else the last ones at all."""
    said = [message.text for message in earlier if message.author_kind == Author.CUSTOMER]
    telling = [
        text for text in said if not is_nonsense(text) and not small_talk_reply(text, site_name="")
    ]
    full = [text for text in telling if not is_follow_up(text)]
    return (full or telling or [""])[-1]


def _language(conversation: Conversation, question: str) -> str:
    """Return the question's language; where that is not clear one that the articles have."""
    site = conversation.site
    written = _article_languages(site.pk, int(time.monotonic() // LANGUAGES_SECONDS))
    spoken = conversation.locale
    is_written = any(is_same_language(spoken, one) for one in written)
    return detect_language(question, default=spoken if is_written else site.locale, among=written)


@lru_cache(maxsize=256)
def _article_languages(site_pk: int, minute: int) -> tuple[str, ...]:
    """Return the locales of a site's articles; ``minute`` lets what is kept grow old."""
    shown = Article.objects.filter(site_id=site_pk, is_published=True, audience=Audience.PUBLIC)
    return tuple(shown.values_list("locale", flat=True).order_by().distinct())
