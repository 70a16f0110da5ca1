"""What customers and agents do to a conversation that the assistant has a part in.

Each function is one transaction under the conversation's row lock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from assistant.claims import State
from assistant.left_behind import left_behind
from assistant.models import Turn
from assistant.queueing import (
    end_preview,
    publish_successor,
    queue_turn,
    unanswered_from,
    unheard_from,
    void_turns,
)
from conversations import services as record
from conversations.models import Conversation, Episode, Message
from conversations.text import clean_message, clean_text
from core.cards import mask_cards
from core.errors import Conflict, RateLimited
from escalation import services as escalation
from escalation.models import HandOff
from escalation.selectors import is_past_limit, open_hand_off

Status = Conversation.Status
# Some of the hour's hand-offs are older than one by then.
WISH_AGAIN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Receipt:
    """A committed message; ``is_new`` is false when its client id was known already.

    ``revision`` is the conversation's with this message in it.
    """

    message: Message
    revision: int
    is_new: bool


@transaction.atomic
def receive_by_token(
    token: str, *, client_id: UUID, text: str, authorise: Callable[[Conversation], None]
) -> Receipt:
    """Store a customer's message and what must follow from it; idempotent by ``client_id``.

    The conversation is the one that an unexpired token opens, once ``authorise`` let it. Raises
    ``Unauthorized``, and what ``authorise`` raises.
    """
    conversation = record.lock_by_token(token)
    authorise(conversation)
    cleaned = clean_message(text)
    known = record.find_by_client_id(conversation, client_id)
    if known is not None:
        return Receipt(known, conversation.revision, is_new=False)
    if conversation.status == Status.RESOLVED:
        record.reopen_conversation(conversation)
    message = record.append_message(
        conversation,
        author_kind=Message.Author.CUSTOMER,
        text=cleaned,
        client_id=client_id,
    )
    if conversation.status == Status.ASSISTANT:
        queue_turn(conversation, from_seq=message.seq)
    return Receipt(message, conversation.revision, is_new=True)


@transaction.atomic
def request_person(conversation_pk: int, *, detail: object = "") -> None:
    """Hand the conversation to people because the customer asked; harmless when done already.

    Raises ``Conflict`` where nothing was said yet, and ``RateLimited`` where too many of the same
    network were passed on within the hour.
    """
    why = mask_cards(clean_text(detail or "", limit=300, field="reason"))
    conversation = record.lock_conversation(conversation_pk)
    if conversation.status in {Status.WAITING, Status.AGENT}:
        return
    _check_wish(conversation)
    if conversation.status == Status.RESOLVED:
        record.reopen_conversation(conversation)
    void_turns(conversation, state=State.CANCELLED, reason="withdrawn")
    # Agents read it beside what we know: it must not pass for that.
    said = f"Customer's words, unverified: {why}" if why else ""
    hand_off(conversation, reason=HandOff.Reason.ASKED_FOR_PERSON, detail=said)


def _check_wish(conversation: Conversation) -> None:
    said = Message.objects.filter(conversation=conversation, author_kind=Message.Author.CUSTOMER)
    if not said.exists():
        raise Conflict("Please write first what it is about.")
    # One whose place in the queue was kept takes nobody's.
    if open_hand_off(conversation) is None and is_past_limit(conversation):
        raise RateLimited(
            "Too many people were asked for from your network. Please ask the assistant meanwhile.",
            retry_after=WISH_AGAIN_SECONDS,
        )


@transaction.atomic
def resume_assistant(conversation_pk: int) -> None:
    """Let the assistant help while the customer waits; harmless when nobody waits.

    It answers what was written since the hand-off; what led to it would only lead to it again.
    """
    conversation = record.lock_conversation(conversation_pk)
    open_from = unheard_from(conversation)
    if escalation.lend_to_assistant(conversation) and open_from is not None:
        queue_turn(conversation, from_seq=open_from)


def hand_off(
    conversation: Conversation,
    *,
    reason: HandOff.Reason,
    detail: str = "",
    urgency: HandOff.Urgency | None = None,
    customer_text: str = "",
    message_id: UUID | None = None,
) -> Message:
    """Change the state of a locked conversation first, then say so: one transaction."""
    escalation.request_hand_off(conversation, reason=reason, detail=detail, urgency=urgency)
    return record.append_message(
        conversation,
        author_kind=Message.Author.ASSISTANT,
        text=escalation.hand_off_words(conversation, reason=reason, customer_text=customer_text),
        public_id=message_id,
    )


@transaction.atomic
def take_conversation(conversation_pk: int, *, agent: User) -> Conversation:
    """Give the conversation to ``agent``; what the assistant was writing is void from here on."""
    return _give(conversation_pk, agent=agent, by=escalation.take)


@transaction.atomic
def take_over_conversation(conversation_pk: int, *, agent: User) -> Conversation:
    """Give ``agent`` the conversation of a colleague who is away from the desk."""
    # It may be the assistant's again by now.
    return _give(conversation_pk, agent=agent, by=escalation.take_over)


def _give(conversation_pk: int, *, agent: User, by: Callable[..., object]) -> Conversation:
    conversation = record.lock_conversation(conversation_pk)
    if conversation.status == Status.RESOLVED:
        raise Conflict("This conversation is resolved.")
    # The end of the preview is hinted at before the message that replaces it.
    void_turns(conversation, state=State.SUPERSEDED, reason="taken_over")
    by(conversation, agent=agent)
    return conversation


@transaction.atomic
def put_back(conversation_pk: int, *, seconds: float) -> bool:
    """Let a conversation wait again, if its agent was not heard from for ``seconds``."""
    conversation = record.lock_conversation(conversation_pk)
    if not left_behind(seconds=seconds).filter(pk=conversation.pk).exists():
        return False
    escalation.put_back(conversation)
    return True


@transaction.atomic
def send_agent_reply(
    conversation_pk: int, *, agent: User, text: str, client_id: UUID | None = None
) -> Message:
    """Store the reply of the agent who holds the conversation; idempotent by ``client_id``."""
    cleaned = clean_message(text)
    conversation = record.lock_conversation(conversation_pk)
    if client_id is not None:
        known = record.find_by_client_id(conversation, client_id)
        if known is not None:
            return known
    message = escalation.reply(conversation, agent=agent, text=cleaned)
    if client_id is not None:
        Message.objects.filter(pk=message.pk, conversation=conversation).update(client_id=client_id)
    return message


@transaction.atomic
def hand_back(conversation_pk: int, *, agent: User) -> None:
    """Return the conversation to the assistant, which answers what is still unanswered."""
    conversation = record.lock_conversation(conversation_pk)
    open_from = unanswered_from(conversation)
    escalation.hand_back(conversation, agent=agent)
    if open_from is not None:
        queue_turn(conversation, from_seq=open_from)


@transaction.atomic
def resolve_by_agent(conversation_pk: int, *, agent: User) -> None:
    """End the conversation on the agent's word and ask the customer for a rating."""
    escalation.resolve(record.lock_conversation(conversation_pk), agent=agent)


@transaction.atomic
def end_by_customer(conversation_pk: int) -> None:
    """End the conversation on the customer's word; harmless when it has ended."""
    conversation = record.lock_conversation(conversation_pk)
    if conversation.status == Status.RESOLVED:
        return
    finish_episode(conversation, by=Episode.ResolvedBy.CUSTOMER)


@transaction.atomic
def close_when_idle(conversation_pk: int) -> bool:
    """Resolve a conversation after the customer's silence, if it is still silent."""
    conversation = record.lock_conversation(conversation_pk)
    patience = timedelta(minutes=conversation.site.idle_close_minutes)
    is_silent = timezone.now() - conversation.last_message_at > patience
    if conversation.status != Status.ASSISTANT or not is_silent:
        return False
    kept = open_hand_off(conversation)
    if kept is not None:
        # It was promised a person: it waits on, and does not end in silence.
        escalation.wait_again(conversation, hand_off=kept, urgency=HandOff.Urgency(kept.urgency))
        return False
    finish_episode(conversation, by=Episode.ResolvedBy.IDLE)
    return True


def finish_episode(conversation: Conversation, *, by: Episode.ResolvedBy) -> None:
    """Resolve a locked conversation that no agent resolved: who handled it, and how sure is it."""
    void_turns(conversation, state=State.CANCELLED, reason="withdrawn")
    handled_by, outcome = _judge(conversation)
    escalation.close_hand_off(conversation)
    record.append_message(
        conversation,
        author_kind=Message.Author.SYSTEM,
        text="This conversation has ended. Write again at any time.",
    )
    record.resolve_conversation(conversation, by=by, handled_by=handled_by, outcome=outcome)


def _judge(conversation: Conversation) -> tuple[Episode.HandledBy, Episode.Outcome]:
    """Confirmed needs the customer's word (a thumb up); silence is only ever assumed."""
    if conversation.status == Status.WAITING:
        return Episode.HandledBy.NOBODY, Episode.Outcome.ABANDONED
    said = Message.objects.filter(conversation=conversation, episode=conversation.episode)
    if conversation.status == Status.AGENT or said.filter(author_kind="agent").exists():
        return Episode.HandledBy.PERSON, Episode.Outcome.ASSUMED
    answers = said.filter(is_answer=True).order_by("-seq")
    last = answers.first()
    if last is None:
        return Episode.HandledBy.NOBODY, Episode.Outcome.ABANDONED
    if last.helpful:
        return Episode.HandledBy.ASSISTANT, Episode.Outcome.CONFIRMED
    return Episode.HandledBy.ASSISTANT, Episode.Outcome.ASSUMED


@transaction.atomic
def stop_answer(conversation_pk: int, *, turn_id: UUID, shown: str) -> bool:
    """End the answer that is being written and keep ``shown``, what the customer saw of it.

    Returns whether there was anything to stop.
    """
    conversation = record.lock_conversation(conversation_pk)
    # By its id: the next turn may run by now, and ``shown`` is not its text.
    turn = Turn.objects.filter(
        conversation=conversation, public_id=turn_id, state=State.RUNNING
    ).first()
    if turn is None:
        return False
    end_preview(turn, reason="stopped")
    text = shown or turn.partial_text
    message = record.append_message(
        conversation,
        author_kind=Message.Author.ASSISTANT,
        text=f"{text.rstrip()} …" if text.strip() else "You stopped this answer.",
        public_id=turn.public_id,
    )
    Turn.objects.filter(pk=turn.pk).update(
        state=State.DONE,
        outcome=Turn.Outcome.STOPPED,
        fence=F("fence") + 1,
        message=message,
        finished_at=Now(),
    )
    publish_successor(conversation)
    return True
