"""Every write to hand-offs and presence. Conversations passed in are locked."""

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from conversations import services as record
from conversations.models import Conversation, Episode, Message
from core.errors import Conflict, Forbidden
from core.realtime import DESK_GROUP, publish_on_commit
from escalation.models import AgentProfile, HandOff
from escalation.policy import hand_off_text, urgency_of, urgency_past_limit
from escalation.selectors import (
    ONLINE_SECONDS,
    is_away,
    is_past_limit,
    open_hand_off,
    people_online,
)

Status = Conversation.Status
State = HandOff.State


def request_hand_off(
    conversation: Conversation,
    *,
    reason: HandOff.Reason,
    detail: str = "",
    urgency: HandOff.Urgency | None = None,
) -> HandOff:
    """Put a locked conversation into the queue, in the caller's transaction.

    The caller appends the words (``hand_off_words``) in the same transaction.

    Idempotent: a conversation that waits already, or is with an agent, keeps its hand-off. One
    that the assistant helps meanwhile goes back to its place, or to a better one. What a network
    brings in past its limit is less urgent than usual.
    """
    usual = urgency or urgency_of(reason)
    urgency = urgency_past_limit(usual) if is_past_limit(conversation) else usual
    existing = open_hand_off(conversation)
    if existing is not None:
        if conversation.status == Status.ASSISTANT:
            wait_again(conversation, hand_off=existing, urgency=urgency)
        return existing
    hand_off = HandOff.objects.create(
        conversation=conversation,
        episode=_mark_handed_off(conversation),
        reason=reason,
        detail=detail[:300],
        urgency=urgency,
    )
    record.change_status(conversation, Status.WAITING)
    _announce(hand_off, "hand_off.created")
    return hand_off


def wait_again(conversation: Conversation, *, hand_off: HandOff, urgency: HandOff.Urgency) -> None:
    """Let a locked conversation wait in its kept place, the more urgent of the two."""
    if urgency < hand_off.urgency:
        hand_off.urgency = urgency
        hand_off.save(update_fields=["urgency"])
    record.change_status(conversation, Status.WAITING)
    _announce(hand_off, "hand_off.created")


def lend_to_assistant(conversation: Conversation) -> bool:
    """Let the assistant help a locked conversation that waits; its place in the queue is kept.

    Returns whether it waited.
    """
    if conversation.status != Status.WAITING:
        return False
    record.change_status(conversation, Status.ASSISTANT)
    record.append_message(
        conversation,
        author_kind=Message.Author.SYSTEM,
        text="Our assistant helps you meanwhile. Your place in the queue is kept.",
    )
    return True


def _mark_handed_off(conversation: Conversation) -> Episode:
    """Return the current episode, marked as one that a person had a part in."""
    episode = record.current_episode(conversation)
    if episode.handed_off_at is None:
        episode.handed_off_at = timezone.now()
        episode.save(update_fields=["handed_off_at"])
    return episode


def hand_off_words(
    conversation: Conversation, *, reason: HandOff.Reason, customer_text: str = ""
) -> str:
    """Return the text that goes with a hand-off: another one where nobody is at the desk."""
    return hand_off_text(
        reason,
        customer_text=customer_text,
        people_online=people_online(),
        offline_text=conversation.site.offline_text,
    )


def _announce(hand_off: HandOff, event: str) -> None:
    publish_on_commit(
        DESK_GROUP,
        {
            "type": event,
            "hand_off": str(hand_off.public_id),
            "conversation": str(hand_off.conversation.public_id),
            "urgency": int(hand_off.urgency),
        },
    )


def take(conversation: Conversation, *, agent: User) -> HandOff:
    """Give a locked conversation to ``agent``; raise ``Conflict`` naming who was faster.

    Taking one's own conversation again is harmless.
    """
    if conversation.agent_id == agent.pk:
        return _ensure_taken(conversation, agent)
    if conversation.agent is not None:
        raise Conflict(f"{conversation.agent.public_name} has taken this conversation.")
    hand_off = _ensure_taken(conversation, agent)
    record.change_status(conversation, Status.AGENT, agent=agent)
    record.append_message(
        conversation,
        author_kind=Message.Author.SYSTEM,
        text=f"You are now talking to {agent.public_name}.",
    )
    _announce(hand_off, "hand_off.taken")
    return hand_off


def take_over(conversation: Conversation, *, agent: User) -> HandOff:
    """Give ``agent`` a locked conversation that a colleague holds who is away from the desk.

    Raises ``Conflict`` where the colleague is not.
    """
    holder = conversation.agent
    if holder is not None and holder.pk != agent.pk:
        if not is_away(holder):
            raise Conflict(f"{holder.public_name} is at the desk and holds this conversation.")
        record.change_status(conversation, Status.WAITING)
    return take(conversation, agent=agent)


def put_back(conversation: Conversation) -> None:
    """Let a locked conversation wait again whose agent is gone: in its old place, and be told."""
    name = conversation.agent.public_name if conversation.agent else "Our colleague"
    hand_off = _ensure_waiting(conversation)
    record.change_status(conversation, Status.WAITING)
    record.append_message(
        conversation,
        author_kind=Message.Author.SYSTEM,
        text=f"{name} had to leave. The next person who is free will help you.",
    )
    _announce(hand_off, "hand_off.created")


def _ensure_waiting(conversation: Conversation) -> HandOff:
    hand_off = HandOff.objects.get(conversation=conversation, state=State.TAKEN)
    # When it was first taken stays: so long the customer had waited, for the reports.
    hand_off.state, hand_off.taken_by = State.WAITING, None
    hand_off.save(update_fields=["state", "taken_by"])
    return hand_off


def _ensure_taken(conversation: Conversation, agent: User) -> HandOff:
    hand_off = open_hand_off(conversation)
    if hand_off is None:
        # An agent steps into a conversation that nobody handed off.
        hand_off = HandOff(
            conversation=conversation,
            episode=_mark_handed_off(conversation),
            reason=HandOff.Reason.MUST_NOT_DECIDE,
            detail="An agent stepped in",
        )
    if hand_off.taken_at is None:
        hand_off.taken_at = timezone.now()
    hand_off.taken_by = agent
    hand_off.state = State.TAKEN
    hand_off.save()
    return hand_off


def _require_holder(conversation: Conversation, agent: User) -> None:
    if conversation.status != Status.AGENT:
        raise Conflict("Take the conversation first.")
    if conversation.agent_id != agent.pk:
        holder = conversation.agent.public_name if conversation.agent else "Somebody else"
        raise Forbidden(f"{holder} holds this conversation.")


def reply(conversation: Conversation, *, agent: User, text: str) -> Message:
    """Say ``text`` to the customer; only the agent who holds the conversation may."""
    _require_holder(conversation, agent)
    return record.append_message(
        conversation, author_kind=Message.Author.AGENT, author=agent, text=text
    )


def hand_back(conversation: Conversation, *, agent: User) -> None:
    """Return a locked conversation to the assistant, under a new epoch."""
    _require_holder(conversation, agent)
    _end_hand_off(conversation, State.RETURNED)
    record.change_status(conversation, Status.ASSISTANT)
    record.append_message(
        conversation,
        author_kind=Message.Author.SYSTEM,
        text="You are now talking to our assistant again.",
    )


def resolve(conversation: Conversation, *, agent: User) -> None:
    """End a locked conversation on the agent's word: assumed, until the customer confirms."""
    _require_holder(conversation, agent)
    _end_hand_off(conversation, State.CLOSED)
    record.append_message(
        conversation,
        author_kind=Message.Author.SYSTEM,
        text=f"{agent.public_name} marked this conversation as resolved.",
    )
    record.resolve_conversation(
        conversation,
        by=Episode.ResolvedBy.AGENT,
        handled_by=Episode.HandledBy.PERSON,
        outcome=Episode.Outcome.ASSUMED,
    )


def close_hand_off(conversation: Conversation) -> None:
    """Take a locked conversation out of the queue because it ended otherwise."""
    _end_hand_off(conversation, State.CLOSED)


def _end_hand_off(conversation: Conversation, state: HandOff.State) -> None:
    hand_off = open_hand_off(conversation)
    if hand_off is None:
        return
    hand_off.state = state
    hand_off.ended_at = timezone.now()
    hand_off.save(update_fields=["state", "ended_at"])
    _announce(hand_off, "hand_off.ended")


@transaction.atomic
def heard_from(agent: User) -> None:
    """Note that ``agent`` is at the desk; customers who wait learn that people are online."""
    AgentProfile.objects.update_or_create(user=agent, defaults={"last_seen_at": Now()})


@transaction.atomic
def left(agent: User) -> None:
    """Note that the last desk page of ``agent`` was closed: just not at the desk any more."""
    since = Now() - timedelta(seconds=ONLINE_SECONDS)
    AgentProfile.objects.filter(user=agent, last_seen_at__gt=since).update(last_seen_at=since)
