"""The wait that a customer is told: from enough waits, and never beyond what anybody plans by."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation, Site
from conversations.services import current_episode, start_conversation
from escalation.models import HandOff
from escalation.selectors import MIN_WAIT_SAMPLE, queue_place, read_queue
from escalation.services import heard_from

pytestmark = pytest.mark.django_db


def hand_off(conversation: Conversation, **fields: object) -> HandOff:
    return HandOff.objects.create(
        conversation=conversation,
        episode=current_episode(conversation),
        reason=HandOff.Reason.ASKED_FOR_PERSON,
        **fields,
    )


def take_after(site: Site, *, seconds: float, times: int) -> None:
    """Leave hand-offs behind that were taken after a wait."""
    now = timezone.now()
    for _ in range(times):
        began = now - timedelta(seconds=seconds)
        state = HandOff.State.CLOSED
        hand_off(start_conversation(site)[0], created_at=began, taken_at=now, state=state)


@pytest.fixture
def online(agent: User) -> User:
    heard_from(agent)
    return agent


def test_wait_when_few_were_taken_is_not_told(
    site: Site, conversation: Conversation, online: User
) -> None:
    hand_off(conversation)
    take_after(site, seconds=60, times=MIN_WAIT_SAMPLE - 1)
    assert queue_place(conversation) == (1, None)
    take_after(site, seconds=60, times=1)
    assert queue_place(conversation) == (1, 60)


def test_wait_when_agents_stepped_in_by_themselves_does_not_count(
    site: Site, conversation: Conversation, online: User
) -> None:
    hand_off(conversation)
    take_after(site, seconds=0.01, times=9)
    assert queue_place(conversation) == (1, None)


def test_wait_when_it_would_be_hours_is_not_told(
    site: Site, conversation: Conversation, online: User
) -> None:
    hand_off(conversation)
    take_after(site, seconds=3 * 3600, times=MIN_WAIT_SAMPLE)
    assert queue_place(conversation) == (1, None)


def test_wait_when_nobody_is_online_is_not_told(site: Site, conversation: Conversation) -> None:
    hand_off(conversation)
    take_after(site, seconds=60, times=MIN_WAIT_SAMPLE)
    assert queue_place(conversation) == (1, None)


def test_queue_as_a_whole_gives_each_the_place_that_it_has_alone(site: Site, online: User) -> None:
    take_after(site, seconds=60, times=MIN_WAIT_SAMPLE)
    now = timezone.now()
    waiting = [start_conversation(site)[0] for _ in range(4)]
    for number, conversation in enumerate(waiting):
        hand_off(conversation, urgency=2 - number % 2, created_at=now - timedelta(seconds=number))
    taken = start_conversation(site)[0]
    hand_off(taken, state=HandOff.State.TAKEN)

    queue = read_queue()

    assert [queue.place_of(one.pk) for one in waiting] == [queue_place(one) for one in waiting]
    assert sorted(queue.positions[one.pk] for one in waiting) == [1, 2, 3, 4]
    assert queue.place_of(taken.pk) is None
    assert queue.has_people
