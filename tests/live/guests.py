"""Conversations that are started past the limits of an address, for a load from one machine."""

from tests.live.processes import Stack

START = """
from conversations.models import Conversation, Message, Site
from conversations.services import start_conversation
site = Site.objects.get(key="demo")
for _ in range({count}):
    guest, token = start_conversation(site)
    Message.objects.bulk_create(
        Message(conversation=guest, seq=seq, episode=1, author_kind="assistant",
                author_name="Assistant", text="word " * {words})
        for seq in range(1, {messages} + 1)
    )
    if {messages}:
        Conversation.objects.filter(pk=guest.pk).update(last_seq={messages})
    print("guest", guest.public_id, token)
"""


def start_conversations(
    stack: Stack, count: int, *, messages: int = 0, words: int = 20
) -> list[tuple[str, str]]:
    """Return the public ids and tokens of new conversations, each with so many messages in it."""
    code = START.format(count=count, messages=messages, words=words)
    lines = stack.manage("shell", "-c", code).splitlines()
    rows = [line.split() for line in lines if line.startswith("guest ")]
    return [(conversation, token) for _, conversation, token in rows]
