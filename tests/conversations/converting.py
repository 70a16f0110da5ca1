"""Chats to convert, and looks at how they are stored."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from assistant.models import Turn
from conversations import services as record
from conversations.models import Conversation, Episode, Message, Site

Author = Message.Author
Rows = list[tuple[object, ...]]


def convert(*arguments: str) -> str:
    """Run the command; return what it said."""
    said = StringIO()
    call_command("partition_messages", *arguments, stdout=said)
    return said.getvalue()


@transaction.atomic
def say(conversation_pk: int, text: str, *, client_id: UUID | None = None) -> Message:
    """Append an answer, as the product does."""
    return record.append_message(
        record.lock_conversation(conversation_pk),
        author_kind=Author.ASSISTANT,
        text=text,
        client_id=client_id,
        is_answer=True,
    )


def talk(site: Site, *, count: int) -> Conversation:
    """Start a conversation of some messages, each told by a turn, the first one thumbed up."""
    conversation = record.start_conversation(site)[0]
    messages = [say(conversation.pk, f"Text {number}") for number in range(count)]
    for message in messages:
        Turn.objects.create(
            conversation=conversation,
            state="done",
            from_seq=1,
            through_seq=1,
            holder_epoch=0,
            message=message,
        )
    record.set_helpful(conversation.pk, message_id=messages[0].public_id, helpful=True)
    return conversation


@transaction.atomic
def forget(conversation: Conversation) -> None:
    """Delete a conversation with all that refers to it."""
    for model in (Turn, Message, Episode):
        model._default_manager.filter(conversation=conversation).delete()
    conversation.delete()


def query(statement: str, *values: object) -> Rows:
    """Return the rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def stored() -> Rows:
    """Return all messages as they are stored."""
    return query("SELECT row.*::text FROM conversations_message AS row ORDER BY id")


def named_things() -> set[tuple[object, ...]]:
    """Return the names of the table's indexes, constraints and sequence."""
    return set(
        query(
            "SELECT indexrelid::regclass::text FROM pg_index"
            " WHERE indrelid = 'conversations_message'::regclass UNION ALL"
            " SELECT conname FROM pg_constraint WHERE conrelid = 'conversations_message'::regclass"
            " OR confrelid = 'conversations_message'::regclass AND conparentid = 0 UNION ALL"
            " SELECT pg_get_serial_sequence('conversations_message', 'id')"
        )
    )


@contextmanager
def other_session(url: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Open a connection as another process would have it."""
    with psycopg.connect(url, prepare_threshold=1) as session:
        session.execute("SET lock_timeout = '2s'")
        yield session


class Killed(BaseException):
    """The process ended here."""


@contextmanager
def killed_in(monkeypatch: pytest.MonkeyPatch, module: object, name: str, *, at: int) -> Iterator:
    """Let the ``at``-th call of a function be the last thing that the process does."""
    calls = Counter[str]()
    real = getattr(module, name)

    def kill(*arguments: object) -> object:
        result = real(*arguments)
        calls[name] += 1
        if calls[name] == at:
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(module, name, kill)
        with pytest.raises(Killed):
            yield
