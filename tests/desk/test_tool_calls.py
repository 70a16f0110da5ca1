"""An agent sees what the assistant asked of tools, and how each card stands."""

import pytest
from django.test import Client

from assistant.models import ToolCall
from conversations.models import Conversation, Message
from conversations.services import append_message, lock_conversation
from tests.desk.conftest import url_of

pytestmark = pytest.mark.django_db


def card(conversation: Conversation, **values: object) -> ToolCall:
    """Store a message with a card."""
    message = append_message(
        lock_conversation(conversation.pk), author_kind=Message.Author.ASSISTANT, text="Sure?"
    )
    return ToolCall.objects.create(
        conversation=conversation,
        message=message,
        tool="cancel_order",
        effect="write",
        arguments={"number": '"><b>1'},
        **{"state": "proposed", **values},
    )


@pytest.mark.parametrize(
    ("state", "words", "is_troubled"),
    [
        ("proposed", "Waits for the customer", False),
        ("done", "Done", False),
        ("unknown", "Outcome unknown", True),
    ],
)
def test_console_shows_how_a_card_stands(
    desk: Client, waiting: Conversation, state: str, words: str, is_troubled: bool
) -> None:
    card(waiting, state=state, duration_ms=120 if state == "done" else None)
    page = desk.get(url_of("conversation", waiting)).content.decode()
    assert "cancel_order" in page
    assert words in page
    assert ("120 ms" in page) == (state == "done")
    assert ("line__call--troubled" in page) == is_troubled
    assert "<b>1" not in page


def test_console_without_calls_has_no_list_of_them(desk: Client, waiting: Conversation) -> None:
    assert "line__calls" not in desk.get(url_of("conversation", waiting)).content.decode()


def test_calls_cost_one_query_whatever_their_number(
    desk: Client, waiting: Conversation, django_assert_max_num_queries: object
) -> None:
    def count() -> int:
        with django_assert_max_num_queries(100) as seen:
            desk.get(url_of("conversation", waiting))
        return len(seen)

    card(waiting)
    count()  # the first visit makes the agent's presence
    before = count()
    for _ in range(5):
        card(waiting)
    assert count() == before
