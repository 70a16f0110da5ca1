"""Every read of the record; ``access_*`` loads and authorises in one call."""

import re
import uuid
from collections.abc import Sequence

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from conversations.models import Conversation, Episode, Message, Site
from core.errors import Forbidden, NotFound, Unauthorized
from core.ids import token_hash

PAGE = 200
SITE_KEY = re.compile(r"[-a-zA-Z0-9_]{1,50}")


def access_site(key: object) -> Site:
    """Return the site of a public key; raise ``Forbidden`` for an unknown one."""
    if not isinstance(key, str) or not SITE_KEY.fullmatch(key):
        raise Forbidden("Unknown site.")
    site = Site.objects.filter(key=key).first()
    if site is None:
        raise Forbidden("Unknown site.")
    return site


def access_by_token(token: object) -> Conversation:
    """Return the conversation that an unexpired token opens; raise ``Unauthorized``."""
    with_people = Conversation.objects.select_related("site", "customer", "agent")
    conversation = opened_by(token, among=with_people)
    if conversation is None:
        raise Unauthorized
    return conversation


def opened_by(token: object, *, among: QuerySet[Conversation]) -> Conversation | None:
    """Return the conversation that a token opens, unless it is unknown or has run out."""
    if not isinstance(token, str) or not 20 <= len(token) <= 100:
        return None
    return among.filter(token_hash=token_hash(token), token_expires_at__gt=timezone.now()).first()


def access_conversation(token: object, *, public_id: uuid.UUID) -> Conversation:
    """Return the token's conversation if it is ``public_id``; a foreign one does not exist."""
    conversation = access_by_token(token)
    if conversation.public_id != public_id:
        raise NotFound
    return conversation


def messages_after(conversation_pk: int, *, after: int, limit: int = PAGE) -> QuerySet[Message]:
    """Return the messages past ``after`` in order, at most ``limit`` of them."""
    return Message.objects.filter(conversation_id=conversation_pk, seq__gt=after).order_by("seq")[
        :limit
    ]


def transcript(conversation_pk: int) -> QuerySet[Message]:
    """Return all messages of a conversation in order."""
    return Message.objects.filter(conversation_id=conversation_pk).order_by("seq")


# A web process asks this every few seconds for all that it shows, thousands at times.
HEADS = """
SELECT public_id::text, last_seq, revision FROM conversations_conversation
WHERE public_id = ANY(%s::uuid[])
"""


def heads(public_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return ``(last_seq, revision)`` of the given conversations, by public id."""
    with connection.cursor() as cursor:
        cursor.execute(HEADS, [list(public_ids)])
        return {public_id: (seq, revision) for public_id, seq, revision in cursor}


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


def all_origins() -> set[str]:
    """Return the origins that any site allows."""
    origins: set[str] = set()
    for allowed in Site.objects.values_list("allowed_origins", flat=True):
        origins.update(allowed)
    return origins
