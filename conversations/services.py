"""Every write to the record. Each function that takes a ``Conversation`` wants it locked."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from accounts.models import User
from conversations.events import conversation_changed
from conversations.models import Conversation, Customer, Episode, Message, Rating, Site
from conversations.selectors import checked_token
from conversations.status import check_transition
from conversations.text import MAX_COMMENT_CHARACTERS, clean_text
from core.cards import mask_cards
from core.errors import BadInput, Conflict, NotFound, Unauthorized
from core.ids import new_token, token_hash
from core.rows import fetch_row

TOKEN_LIFETIME = timedelta(days=30)
REOPEN_WITHIN = timedelta(hours=72)
Status = Conversation.Status


@dataclass(frozen=True, slots=True)
class CustomerClaim:
    """What a visitor says about themselves; ``is_verified`` only after a right signature."""

    external_id: str = ""
    name: str = ""
    email: str = ""
    attributes: dict[str, Any] | None = None
    is_verified: bool = False
    expires_at: datetime | None = None


@transaction.atomic
def start_conversation(
    site: Site,
    *,
    claim: CustomerClaim | None = None,
    customer: Customer | None = None,
    locale: str = "",
    page_url: str = "",
    network: str = "",
) -> tuple[Conversation, str]:
    """Create a conversation with its first episode; return it and its token (shown once).

    ``network`` is what ``core.limits.network_key`` says of the visitor's.
    """
    token = new_token()
    conversation = Conversation.objects.create(
        site=site,
        customer=customer or identify_customer(site, claim=claim or CustomerClaim()),
        token_hash=token_hash(token),
        token_expires_at=timezone.now() + TOKEN_LIFETIME,
        identity_expires_at=claim.expires_at if claim else None,
        locale=locale or site.locale,
        page_url=page_url,
        network=network,
    )
    Episode.objects.create(conversation=conversation, number=1)
    return conversation, token


def identify_customer(site: Site, *, claim: CustomerClaim) -> Customer:
    """Return the customer that a claim stands for; only a signed one is recognised again."""
    details = {
        "name": claim.name,
        "email": claim.email,
        "attributes": claim.attributes or {},
        "is_verified": claim.is_verified,
    }
    if claim.is_verified and claim.external_id:
        customer, _ = Customer.objects.update_or_create(
            site=site, external_id=claim.external_id, is_verified=True, defaults=details
        )
        return customer
    return Customer.objects.create(site=site, **details)


def slide_token(conversation: Conversation) -> datetime:
    """Extend the life of the conversation's token and return its new end."""
    expires = timezone.now() + TOKEN_LIFETIME
    Conversation.objects.filter(pk=conversation.pk).update(token_expires_at=expires)
    return expires


def renew_token(conversation: Conversation) -> str:
    """Give a locked conversation a new token; whoever holds the old one is out."""
    token = new_token()
    Conversation.objects.filter(pk=conversation.pk).update(
        token_hash=token_hash(token), token_expires_at=timezone.now() + TOKEN_LIFETIME
    )
    # Sockets that came by the old one look again, and are closed.
    bump_revision(conversation)
    return token


def lock_conversation(pk: int) -> Conversation:
    """Return the conversation with its row locked until the transaction ends.

    The lock makes the order of commits the order of ``seq``. No joins: after a wait for the
    lock PostgreSQL reads this row anew, but would still join what it found before the wait.
    """
    conversation = fetch_row(Conversation, "WHERE id = %s FOR UPDATE", [pk])
    if conversation is None:
        raise NotFound
    return conversation


def lock_by_token(token: object) -> Conversation:
    """Return the conversation that an unexpired token opens, locked; raise ``Unauthorized``."""
    unexpired = "WHERE token_hash = %s AND token_expires_at > %s FOR UPDATE"
    values = [token_hash(checked_token(token)), timezone.now()]
    conversation = fetch_row(Conversation, unexpired, values)
    if conversation is None:
        raise Unauthorized
    return conversation


@contextmanager
def opened_by(token: object, conversation_pk: int) -> Iterator[None]:
    """Act in the block for whoever holds ``token``: no sign-in renews it before the block's end.

    Raises ``Unauthorized`` where the token does not open that conversation any more.
    """
    with transaction.atomic():
        if lock_by_token(token).pk != conversation_pk:
            raise Unauthorized
        yield


def find_by_client_id(conversation: Conversation, client_id: uuid.UUID) -> Message | None:
    """Return the message of a locked conversation that was stored for ``client_id``, if any."""
    said = "WHERE conversation_id = %s AND client_id = %s"
    return fetch_row(Message, said, [conversation.pk, client_id])


def current_episode(conversation: Conversation) -> Episode:
    """Return the open (or last) episode."""
    return Episode.objects.get(conversation=conversation, number=conversation.episode)


def append_message(  # noqa: PLR0913 - the columns of one row, all by keyword
    conversation: Conversation,
    *,
    author_kind: Message.Author,
    text: str,
    author: User | None = None,
    author_name: str = "",
    client_id: uuid.UUID | None = None,
    public_id: uuid.UUID | None = None,
    citations: Sequence[dict[str, str]] = (),
    suggestions: Sequence[str] = (),
    is_answer: bool = False,
) -> Message:
    """Store the next message of a locked conversation and hint at it after the commit."""
    conversation.last_seq += 1
    conversation.last_message_at = timezone.now()
    message = Message(
        public_id=public_id or uuid.uuid4(),
        conversation=conversation,
        seq=conversation.last_seq,
        episode=conversation.episode,
        author_kind=author_kind,
        author=author,
        author_name=(author_name or (author.public_name if author else ""))[:200],
        text=text,
        client_id=client_id,
        citations=list(citations),
        suggestions=list(suggestions),
        is_answer=is_answer,
        created_at=conversation.last_message_at,
    )
    _store(message)
    conversation_changed(conversation)
    return message


# The message, the conversation's end and the episode's first times, in one round trip. Who speaks
# without a name of their own has the customer's (as `Customer.__str__` says it) or the site's.
APPENDING = """
WITH new AS (
    SELECT %(public_id)s::uuid AS public_id, %(conversation)s::bigint AS conversation_id,
        %(seq)s::int AS seq, %(episode)s::int AS episode, %(author_kind)s::text AS author_kind,
        %(author)s::bigint AS author_id, %(author_name)s::text AS author_name,
        %(text)s::text AS text, %(client_id)s::uuid AS client_id,
        %(citations)s::jsonb AS citations, %(suggestions)s::text[] AS suggestions,
        %(is_answer)s::boolean AS is_answer, %(created_at)s::timestamptz AS created_at
), moved AS (
    UPDATE conversations_conversation AS conversation
    SET last_seq = new.seq, last_message_at = new.created_at
    FROM new WHERE conversation.id = new.conversation_id
    RETURNING conversation.customer_id, conversation.site_id
), asked AS (
    UPDATE conversations_episode AS episode SET first_question_at = new.created_at
    FROM new
    WHERE episode.conversation_id = new.conversation_id AND episode.number = new.episode
        AND new.author_kind = 'customer' AND first_question_at IS NULL
), replied AS (
    UPDATE conversations_episode AS episode SET first_response_at = new.created_at
    FROM new
    WHERE episode.conversation_id = new.conversation_id AND episode.number = new.episode
        AND (new.is_answer OR new.author_kind = 'agent')
        AND first_response_at IS NULL AND first_question_at IS NOT NULL
)
INSERT INTO conversations_message
    (public_id, conversation_id, seq, episode, author_kind, author_id, author_name, text,
     client_id, citations, suggestions, is_answer, created_at)
SELECT public_id, conversation_id, seq, episode, author_kind, author_id,
    left(coalesce(nullif(author_name, ''), CASE author_kind
        WHEN 'customer' THEN (
            SELECT coalesce(
                nullif(name, ''), nullif(email, ''), 'Visitor ' || left(public_id::text, 4))
            FROM conversations_customer WHERE id = customer_id)
        WHEN 'assistant' THEN (
            SELECT name || ' assistant' FROM conversations_site WHERE id = site_id)
        ELSE (SELECT name FROM conversations_site WHERE id = site_id)
    END), 200),
    text, client_id, citations, suggestions, is_answer, created_at
FROM new CROSS JOIN moved
RETURNING id, author_name
"""


def _store(message: Message) -> None:
    """Insert a message; reports read the episode's first times that it sets, not the messages."""
    fields: dict[str, Any] = {
        "public_id": message.public_id,
        "conversation": message.conversation_id,
        "seq": message.seq,
        "episode": message.episode,
        "author_kind": str(message.author_kind),
        "author": message.author_id,
        "author_name": message.author_name,
        "text": message.text,
        "client_id": message.client_id,
        "citations": Jsonb(message.citations),
        "suggestions": message.suggestions,
        "is_answer": message.is_answer,
        "created_at": message.created_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(APPENDING, fields)
        message.pk, message.author_name = cursor.fetchone()
    message._state.adding = False


def change_status(conversation: Conversation, target: Status, *, agent: User | None = None) -> None:
    """Give a locked conversation to another holder; raises ``Conflict`` where it may not go."""
    check_transition(conversation.status, target)
    conversation.status = target
    conversation.agent = agent
    conversation.holder_epoch += 1
    conversation.revision += 1
    conversation.save(update_fields=["status", "agent", "holder_epoch", "revision"])
    conversation_changed(conversation)


def bump_revision(conversation: Conversation) -> None:
    """Make every viewer of a locked conversation look again."""
    conversation.revision += 1
    conversation.save(update_fields=["revision"])
    conversation_changed(conversation)


def resolve_conversation(
    conversation: Conversation,
    *,
    by: Episode.ResolvedBy,
    handled_by: Episode.HandledBy,
    outcome: Episode.Outcome,
) -> None:
    """End the episode of a locked conversation and ask for its rating."""
    now = timezone.now()
    change_status(conversation, Status.RESOLVED)
    conversation.resolved_at = now
    conversation.save(update_fields=["resolved_at"])
    Episode.objects.filter(conversation=conversation, number=conversation.episode).update(
        resolved_at=now,
        resolved_by=by,
        handled_by=handled_by,
        outcome=outcome,
        rating_requested_at=now,
    )


def reopen_conversation(conversation: Conversation) -> None:
    """Start the next episode of a locked, resolved conversation.

    Raises ``Unauthorized`` past ``REOPEN_WITHIN``: the client then starts a new session, which
    gives the customer a new conversation.
    """
    if conversation.resolved_at and timezone.now() - conversation.resolved_at > REOPEN_WITHIN:
        raise Unauthorized("This conversation has ended. Please start a new one.")
    conversation.episode += 1
    conversation.resolved_at = None
    conversation.save(update_fields=["episode", "resolved_at"])
    Episode.objects.create(conversation=conversation, number=conversation.episode)
    change_status(conversation, Status.ASSISTANT)


@transaction.atomic
def rate_conversation(conversation_pk: int, *, score: object, comment: object = "") -> Rating:
    """Store the customer's rating of the last resolved episode, once.

    The same score again is harmless; another one raises ``Conflict``.
    """
    if isinstance(score, bool) or not isinstance(score, int) or not 1 <= score <= 5:
        raise BadInput("score must be a whole number from 1 to 5.")
    text = mask_cards(clean_text(comment or "", limit=MAX_COMMENT_CHARACTERS, field="comment"))
    conversation = lock_conversation(conversation_pk)
    episode = (
        Episode.objects.filter(conversation=conversation, resolved_at__isnull=False)
        .order_by("-number")
        .first()
    )
    if episode is None:
        raise Conflict("There is nothing to rate yet.")
    rating, created = Rating.objects.get_or_create(
        episode=episode, defaults={"score": score, "comment": text}
    )
    if not created and rating.score != score:
        raise Conflict("This conversation was rated already.")
    if created:
        _confirm_by_rating(episode, score)
        bump_revision(conversation)
    return rating


def _confirm_by_rating(episode: Episode, score: int) -> None:
    """A good score confirms what was only assumed; a bad one leaves the assumption as it is."""
    if score >= 4 and episode.outcome == Episode.Outcome.ASSUMED:
        episode.outcome = Episode.Outcome.CONFIRMED
        episode.save(update_fields=["outcome"])


@transaction.atomic
def save_contact_email(conversation_pk: int, *, email: str) -> None:
    """Keep the e-mail that a customer left; it stays unverified."""
    conversation = lock_conversation(conversation_pk)
    Customer.objects.filter(pk=conversation.customer_id, is_verified=False).update(email=email)
    bump_revision(conversation)


@transaction.atomic
def mark_read(conversation_pk: int, *, seq: int) -> None:
    """Remember how far the customer has read; never goes back."""
    Conversation.objects.filter(
        pk=conversation_pk, customer_read_seq__lt=seq, last_seq__gte=seq
    ).update(customer_read_seq=seq)


@transaction.atomic
def set_helpful(conversation_pk: int, *, message_id: uuid.UUID, helpful: bool) -> None:
    """Store the thumb on an answer; raises ``NotFound`` for any other message."""
    conversation = lock_conversation(conversation_pk)
    changed = Message.objects.filter(
        conversation=conversation, public_id=message_id, is_answer=True
    ).update(helpful=helpful)
    if not changed:
        raise NotFound
    bump_revision(conversation)
