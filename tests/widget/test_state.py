"""What one look at the record brings: as much as a frame may hold, and the rest later."""

import pytest

from conversations.models import Conversation, Message
from widget.state import FEW, PAGE_CHARACTERS, read_view

pytestmark = pytest.mark.django_db


def fill(conversation: Conversation, *, count: int, characters: int) -> None:
    Message.objects.bulk_create(
        Message(
            conversation=conversation,
            seq=seq,
            episode=1,
            author_kind="assistant",
            text="x" * characters,
        )
        for seq in range(1, count + 1)
    )
    Conversation.objects.filter(pk=conversation.pk).update(last_seq=count)


@pytest.mark.parametrize(
    ("count", "characters", "first"),
    [
        (3, 4_000, 3),
        (200, 100, 200),
        (250, 100, 200),
        (100, 1_000, PAGE_CHARACTERS // 1_000),
        (100, 20_000, FEW),
    ],
)
def test_page_holds_what_a_frame_may_and_the_next_goes_on(
    conversation: Conversation, count: int, characters: int, first: int
) -> None:
    fill(conversation, count=count, characters=characters)
    seqs: list[int] = []
    while len(seqs) < count:
        page = read_view(conversation.pk, after=len(seqs)).messages
        assert seqs or len(page) == first
        seqs += [frame["seq"] for frame in page]
    assert seqs == list(range(1, count + 1))
