"""What a socket reads from the record: one function a look, each safe to repeat."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.utils import timezone

from assistant.cards import read_cards
from assistant.models import Turn
from conversations.models import Conversation, Message
from conversations.selectors import messages_after, site_of, sizes_after, wants_rating
from core.errors import NotFound, Unauthorized
from core.rows import fetch_with
from escalation.selectors import Queue, people_online, queue_place
from widget.protocol import card_frame, message_frames

Status = Conversation.Status
# Of the texts in one welcome; their HTML is about as long again.
PAGE_CHARACTERS = 30_000
# So many are sent together however long they are.
FEW = 8
MOST_OF_A_PAGE = 200


@dataclass(frozen=True, slots=True)
class View:
    """The conversation as its customer may see it now."""

    last_seq: int
    revision: int
    status: str
    status_frame: dict[str, Any]
    offline_frame: dict[str, Any] | None
    wants_rating: bool
    is_answered: bool
    messages: list[dict[str, Any]]
    cards: list[dict[str, Any]]


# What is not there needs no further look, and most of it is not there.
_OF_IT = "conversation_id = conversations_conversation.id"
BESIDE = (
    f"EXISTS (SELECT FROM escalation_handoff WHERE {_OF_IT} AND state = 'waiting')",
    f"EXISTS (SELECT FROM assistant_turn WHERE {_OF_IT} AND state = 'running')",
    f"EXISTS (SELECT FROM assistant_toolcall WHERE {_OF_IT} AND message_id IS NOT NULL)",
)


def read_view(
    conversation_pk: int, *, after: int, token_hash: str = "", queue: Queue | None = None
) -> View:
    """Return the state and the next page of messages past ``after``.

    A conversation that waits in ``queue`` need not be looked for in it again. Raises
    ``Unauthorized`` where the token of ``token_hash`` opens it no more, and ``NotFound``.
    """
    found = fetch_with(Conversation, "WHERE id = %s", [conversation_pk], also=BESIDE)
    if not found:
        raise NotFound
    conversation, (is_in_queue, is_running, has_cards) = found[0]
    conversation.site = site_of(conversation.site_id)
    is_opened = conversation.token_hash == token_hash
    if token_hash and not (is_opened and conversation.token_expires_at > timezone.now()):
        raise Unauthorized
    # Also while the assistant helps one that waits: its place is kept.
    is_queued = conversation.status in {Status.WAITING, Status.ASSISTANT}
    place, has_people = None, None
    if is_queued and is_in_queue:
        place = (queue and queue.place_of(conversation.pk)) or queue_place(conversation)
    if conversation.status == Status.WAITING:
        has_people = people_online()
    messages = next_page(conversation, after=after)
    # A message that was stored since the first look may have brought the first card.
    is_newer = bool(messages) and messages[-1].seq > conversation.last_seq
    may_have_cards = has_cards or is_newer
    cards = read_cards(conversation, messages) if may_have_cards else []
    return View(
        last_seq=conversation.last_seq,
        revision=conversation.revision,
        status=conversation.status,
        status_frame=_status_frame(conversation, place, has_people),
        offline_frame=_offline_frame(conversation, has_people),
        wants_rating=wants_rating(conversation),
        is_answered=is_running and conversation.status == Status.ASSISTANT,
        messages=message_frames(messages, conversation=conversation, cards=cards),
        cards=[card_frame(card) for card in cards],
    )


def read_messages(conversation: Conversation, *, after: int) -> list[dict[str, Any]]:
    """Return the next few messages past ``after``, where nothing else is new.

    ``conversation`` may be as it was when its socket came.
    """
    messages = messages_after(conversation.pk, after=after, limit=FEW)
    conversation.site = site_of(conversation.site_id)
    # What shows a card is no answer.
    may_have_cards = any(
        one.author_kind == Message.Author.ASSISTANT and not one.is_answer for one in messages
    )
    cards = read_cards(conversation, messages) if may_have_cards else []
    return message_frames(messages, conversation=conversation, cards=cards)


def next_page(
    conversation: Conversation, *, after: int, limit: int = MOST_OF_A_PAGE
) -> list[Message]:
    """Return the next messages, up to the size of a frame; whoever reads comes back for the rest.

    A client that reads nothing must not cost the memory of all that it missed, and one that reads
    over and over not the time to render it.
    """
    if conversation.last_seq - after <= FEW:
        return messages_after(conversation.pk, after=after, limit=limit)
    sums = accumulate(sizes_after(conversation.pk, after=after, limit=limit))
    count = sum(size <= PAGE_CHARACTERS for size in sums)
    return messages_after(conversation.pk, after=after, limit=min(limit, max(FEW, count)))


def _status_frame(
    conversation: Conversation, place: tuple[int, int | None] | None, has_people: bool | None
) -> dict[str, Any]:
    frame: dict[str, Any] = {"type": "status", "status": conversation.status}
    if conversation.agent is not None:
        frame["agent"] = conversation.agent.public_name
    if has_people is not None:
        frame["people_online"] = has_people
    return with_place(frame, place)


def with_place(frame: dict[str, Any], place: tuple[int, int | None] | None) -> dict[str, Any]:
    """Return a status frame with this place in the queue in place of another."""
    kept = {name: value for name, value in frame.items() if name not in {"position", "wait_s"}}
    if place is None:
        return kept
    wait = {} if place[1] is None else {"wait_s": place[1]}
    return {**kept, "position": place[0], **wait}


def _offline_frame(conversation: Conversation, has_people: bool | None) -> dict[str, Any] | None:
    """Nobody is at the desk: say so, and whether there is an e-mail to write to."""
    if has_people is not False:
        return None
    return {
        "type": "offline",
        "text": conversation.site.offline_text,
        "email_saved": bool(conversation.customer.email),
    }


@dataclass(frozen=True, slots=True)
class RunningAnswer:
    """An answer that is being written, as far as the record knows it."""

    message: UUID
    attempt: int
    partial_text: str


def running_answer(conversation_pk: int) -> RunningAnswer | None:
    """Return the answer under way, if the assistant writes one."""
    turn = Turn.objects.filter(
        conversation_id=conversation_pk,
        state=Turn.State.RUNNING,
        conversation__status=Status.ASSISTANT,
    ).first()
    if turn is None:
        return None
    return RunningAnswer(turn.public_id, turn.attempt * 10, turn.partial_text)
