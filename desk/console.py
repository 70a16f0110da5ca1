"""What the conversation page shows: transcript, reason, customer, satisfaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from accounts.models import User
from assistant.finishing import link_hosts
from assistant.models import Turn
from assistant.queueing import unanswered_from
from conversations.models import Conversation, Message, Rating
from conversations.selectors import transcript
from core.markup import render_markdown, render_plain
from desk.tool_calls import CallLine, calls_of
from escalation.models import HandOff
from escalation.selectors import is_away, open_hand_off

SHOWN = 200
EARLIER_SHOWN = 5
Status = Conversation.Status


@dataclass(frozen=True, slots=True)
class Citation:
    """A source of an answer; ``url`` is empty where the address may not be followed."""

    title: str
    url: str
    quote: str


@dataclass(frozen=True, slots=True)
class Line:
    """One message, ready to be drawn."""

    message: Message
    html: SafeString
    citations: list[Citation]
    confidence: float | None
    turn_pk: int | None
    calls: list[CallLine]


@dataclass(frozen=True, slots=True)
class Console:
    """A conversation as one agent sees it."""

    conversation: Conversation
    lines: list[Line]
    earlier_lines: int
    hand_off: HandOff | None
    confidence: float | None
    ratings: list[Rating]
    earlier: list[Conversation]
    is_mine: bool
    can_take: bool
    can_take_over: bool
    is_unanswered: bool

    @property
    def is_open(self) -> bool:
        """Whether anybody may still write into it."""
        return self.conversation.status != Status.RESOLVED


def read_console(
    conversation: Conversation, *, agent: User, after: int = 0, is_whole: bool = False
) -> Console:
    """Return the page of ``conversation``: messages past ``after``, the last ones unless whole."""
    messages = _messages(conversation, after=after)
    shown = list(messages if is_whole else messages.reverse()[:SHOWN])
    lines = sorted(shown, key=lambda message: message.seq)
    calls = calls_of(lines)
    hand_off = open_hand_off(conversation) or _last_hand_off(conversation)
    is_mine = conversation.agent_id == agent.pk
    return Console(
        conversation=conversation,
        lines=[_line(conversation, one, calls=calls.get(one.pk, [])) for one in lines],
        earlier_lines=lines[0].seq - 1 if lines and not after else 0,
        hand_off=hand_off,
        confidence=_confidence(hand_off),
        ratings=list(_ratings(conversation)),
        earlier=list(_earlier(conversation)),
        is_mine=is_mine,
        is_unanswered=unanswered_from(conversation) is not None,
        can_take=conversation.status in {Status.WAITING, Status.ASSISTANT},
        can_take_over=_is_left(conversation) and not is_mine,
    )


def _is_left(conversation: Conversation) -> bool:
    """Whether the agent who holds it is away from the desk."""
    return conversation.agent is not None and is_away(conversation.agent)


def _messages(conversation: Conversation, *, after: int) -> QuerySet[Message]:
    return transcript(conversation.pk).filter(seq__gt=after).select_related("turn")


def _line(conversation: Conversation, message: Message, *, calls: list[CallLine]) -> Line:
    # A reverse one-to-one: absent on every message that no turn wrote.
    turn: Turn | None = getattr(message, "turn", None)
    return Line(
        message=message,
        html=html_of(conversation, message),
        citations=list(_citations(message.citations)),
        confidence=turn.confidence if turn is not None and message.is_answer else None,
        turn_pk=turn.pk if turn is not None else None,
        calls=calls,
    )


def html_of(conversation: Conversation, message: Message) -> SafeString:
    """Return a message as it is drawn: what customers write is never read as Markdown."""
    if message.author_kind in {Message.Author.CUSTOMER, Message.Author.SYSTEM}:
        return render_plain(message.text)
    return render_markdown(message.text, link_hosts=link_hosts(conversation, message))


def _citations(stored: Iterable[dict[str, str]]) -> Iterable[Citation]:
    for one in stored:
        yield Citation(
            title=one.get("title", ""), url=safe_url(one.get("url", "")), quote=one.get("quote", "")
        )


def safe_url(url: str) -> str:
    """Return ``url`` if a link may lead there: the web, or a path on this server; else ''."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if "\\" in url:
        # Browsers read a backslash as a slash: "/\\host" would lead away.
        return ""
    is_own_path = not parts.scheme and not parts.netloc and url.startswith("/")
    is_web = parts.scheme in {"http", "https"} and bool(parts.netloc)
    return url if is_web or is_own_path else ""


def _last_hand_off(conversation: Conversation) -> HandOff | None:
    return (
        HandOff.objects.filter(conversation=conversation)
        .select_related("taken_by")
        .order_by("-created_at")
        .first()
    )


def _confidence(hand_off: HandOff | None) -> float | None:
    """How sure the assistant was of what it passed on for want of it; no other reason is of it."""
    if hand_off is None or hand_off.reason != HandOff.Reason.LOW_CONFIDENCE:
        return None
    turns = Turn.objects.filter(
        conversation=hand_off.conversation_id, hand_off_reason=hand_off.reason
    )
    return turns.order_by("-created_at").values_list("confidence", flat=True).first()


def _ratings(conversation: Conversation) -> QuerySet[Rating]:
    return (
        Rating.objects.filter(episode__conversation=conversation)
        .select_related("episode")
        .order_by("-episode__number")
    )


def _earlier(conversation: Conversation) -> QuerySet[Conversation]:
    return (
        Conversation.objects.filter(customer=conversation.customer)
        .exclude(pk=conversation.pk)
        .order_by("-last_message_at")[:EARLIER_SHOWN]
    )
