"""What one look at the record brings: as much as a frame may hold, and the rest later."""

import pytest
from pytest_django import DjangoAssertNumQueries

from conversations.models import Conversation, Message, Site
from conversations.services import start_conversation
from escalation.models import HandOff
from escalation.selectors import read_queue
from escalation.services import request_hand_off
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


def wait_in_queue(site: Site) -> Conversation:
    conversation, _ = start_conversation(site)
    request_hand_off(conversation, reason=HandOff.Reason.ASKED_FOR_PERSON)
    return conversation


def test_place_in_a_queue_that_is_known_is_not_looked_for_again(
    site: Site, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    waiting = [wait_in_queue(site) for _ in range(3)]
    queue = read_queue()
    places = []
    for conversation in waiting:
        with django_assert_max_num_queries(5):
            view = read_view(conversation.pk, after=0, queue=queue)
        places.append(view.status_frame["position"])
        assert view == read_view(conversation.pk, after=0)
    assert places == [1, 2, 3]


def test_place_that_the_known_queue_lacks_is_looked_for(site: Site) -> None:
    before = read_queue()
    conversation = wait_in_queue(site)
    assert read_view(conversation.pk, after=0, queue=before).status_frame["position"] == 1
