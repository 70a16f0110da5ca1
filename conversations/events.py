"""What the record tells the world after a commit: hints, never content."""

from conversations.models import Conversation
from core.realtime import DESK_GROUP, conversation_group, publish_on_commit


def conversation_changed(conversation: Conversation) -> None:
    """Hint that rows of ``conversation`` changed; to be called inside the transaction."""
    hint = {
        "type": "conversation.changed",
        "conversation": str(conversation.public_id),
        "seq": conversation.last_seq,
        "revision": conversation.revision,
    }
    publish_on_commit(conversation_group(conversation.public_id), hint)
    publish_on_commit(DESK_GROUP, {**hint, "status": conversation.status})
