"""Every read of the record; ``access_*`` loads and authorises in one call."""

import re
import uuid
from collections.abc import Sequence

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.utils import timezone

from conversations.models import Conversation, Customer, Episode, Message, Site
from core.errors import Forbidden, NotFound, Unauthorized
from core.holding import held
from core.ids import token_hash
from core.rows import fetch_row, fetch_rows

PAGE = 200
# More than a prompt holds, and than are said before a turn begins.
MOST_OF_EPISODE = 400
SITE_KEY = re.compile(r"[-a-zA-Z0-9_]{1,50}")


@held
def site_of(pk: int) -> Site:
    """Return a site as it was a moment ago; it is shared, so nobody may change it.

    Raises ``NotFound``.
    """
    site = fetch_row(Site, "WHERE id = %s", [pk])
    if site is None:
        raise NotFound
    return site


def access_site(key: object) -> Site:
    """Return the site of a public key; raise ``Forbidden`` for an unknown one."""
    if not isinstance(key, str) or not SITE_KEY.fullmatch(key):
        raise Forbidden("Unknown site.")
    site = Site.objects.filter(key=key).first()
    if site is None:
        raise Forbidden("Unknown site.")
    return site


def access_by_token(token: object) -> Conversation:
    """Return the conversation that an unexpired token opens, as ``read_conversation`` does.

    Raises ``Unauthorized``.
    """
    opened = "WHERE token_hash = %s AND token_expires_at > %s"
    values = [token_hash(checked_token(token)), timezone.now()]
    conversation = fetch_row(Conversation, opened, values)
    if conversation is None:
        raise Unauthorized
    return _with_its_own(conversation)


def checked_token(token: object) -> str:
    """Return what may be a token; raise ``Unauthorized`` for what is none."""
    if not isinstance(token, str) or not 20 <= len(token) <= 100:
        raise Unauthorized
    return token


def access_conversation(token: object, *, public_id: uuid.UUID) -> Conversation:
    """Return the token's conversation if it is ``public_id``; a foreign one does not exist."""
    conversation = access_by_token(token)
    if conversation.public_id != public_id:
        raise NotFound
    return conversation


def messages_after(conversation_pk: int, *, after: int, limit: int = PAGE) -> list[Message]:
    """Return the messages past ``after`` in order, at most ``limit`` of them."""
    later = "WHERE conversation_id = %s AND seq > %s ORDER BY seq LIMIT %s"
    return fetch_rows(Message, later, [conversation_pk, after, limit])


def transcript(conversation_pk: int) -> QuerySet[Message]:
    """Return all messages of a conversation in order."""
    return Message.objects.filter(conversation_id=conversation_pk).order_by("seq")


def read_conversation(pk: int) -> Conversation:
    """Return a conversation with its customer, and its site as it was a moment ago."""
    conversation = fetch_row(Conversation, "WHERE id = %s", [pk])
    if conversation is None:
        raise NotFound
    return _with_its_own(conversation)


def _with_its_own(conversation: Conversation) -> Conversation:
    customer = fetch_row(Customer, "WHERE id = %s", [conversation.customer_id])
    if customer is not None:
        conversation.customer = customer
    conversation.site = site_of(conversation.site_id)
    return conversation


def messages_of_episode(conversation_pk: int, *, through: int) -> list[Message]:
    """Return the newest messages up to ``through`` that are of its episode, in order."""
    values = {"conversation": conversation_pk, "through": through, "most": MOST_OF_EPISODE}
    return fetch_rows(Message, OF_EPISODE, values)[::-1]


OF_EPISODE = """
WHERE conversation_id = %(conversation)s AND seq <= %(through)s AND episode = (
    SELECT newest.episode FROM conversations_message AS newest
    WHERE newest.conversation_id = %(conversation)s AND newest.seq <= %(through)s
    ORDER BY newest.seq DESC LIMIT 1)
ORDER BY seq DESC LIMIT %(most)s
"""


def sizes_after(conversation_pk: int, *, after: int, limit: int = PAGE) -> list[int]:
    """Return how many characters each of the same messages has."""
    rows = Message.objects.filter(conversation_id=conversation_pk, seq__gt=after).order_by("seq")
    return list(rows.values_list(Length("text"), flat=True)[:limit])


# A web process asks this every few seconds for all that it shows, thousands at times: what it
# knows goes there as three texts, and only what is new comes back.
CHANGED = """
SELECT seen.place, conversation.last_seq, conversation.revision
FROM unnest(%s::uuid[], %s::int[], %s::int[])
    WITH ORDINALITY AS seen(public_id, last_seq, revision, place)
JOIN conversations_conversation AS conversation USING (public_id)
WHERE (conversation.last_seq, conversation.revision) <> (seen.last_seq, seen.revision)
"""


def changed_heads(
    public_ids: Sequence[str], seen: Sequence[tuple[int, int]]
) -> dict[int, tuple[int, int]]:
    """Return ``(last_seq, revision)`` of the conversations that differ from ``seen``, by place."""
    seqs, revisions = zip(*seen, strict=True) if seen else ((), ())
    arrays = [f"{{{','.join(map(str, one))}}}" for one in (public_ids, seqs, revisions)]
    with connection.cursor() as cursor:
        cursor.execute(CHANGED, arrays)
        return {place - 1: (seq, revision) for place, seq, revision in cursor}


def wants_rating(conversation: Conversation) -> bool:
    """Whether the conversation is resolved and its episode not rated yet."""
    if conversation.status != Conversation.Status.RESOLVED:
        return False
    return Episode.objects.filter(
        conversation=conversation,
        number=conversation.episode,
        first_question_at__isnull=False,
        rating=None,
    ).exists()


@held
def all_origins() -> frozenset[str]:
    """Return the origins that any site allows, as they were a moment ago."""
    origins: set[str] = set()
    for allowed in Site.objects.values_list("allowed_origins", flat=True):
        origins.update(allowed)
    return frozenset(origins)
