"""A customer who writes, by the one door that the widget and the API have for it."""

import uuid
from functools import partial

from django.conf import settings

from assistant.services import Receipt, receive_by_token
from conversations.models import Conversation
from core.ids import new_token, token_hash
from widget.origins import check_origin_of


def say(conversation: Conversation, text: str) -> Receipt:
    """Let the customer say something in the widget's frame.

    By a new token: of the one that the conversation began with, only the hash was kept.
    """
    token = new_token()
    Conversation.objects.filter(pk=conversation.pk).update(token_hash=token_hash(token))
    authorise = partial(check_origin_of, settings.PUBLIC_URL)
    return receive_by_token(token, client_id=uuid.uuid4(), text=text, authorise=authorise)
