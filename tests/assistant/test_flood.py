"""One visitor can't fill the queue: what a network may bring in within an hour."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from assistant import services
from conversations.models import Conversation, Site
from conversations.services import lock_conversation, start_conversation
from core.errors import Conflict, RateLimited
from escalation.models import HandOff
from tests.customers import say

pytestmark = pytest.mark.django_db
Urgency = HandOff.Urgency


@pytest.fixture(autouse=True)
def _limit(settings: Settings) -> None:
    settings.HAND_OFFS_AN_HOUR_PER_ADDRESS = 2


def begin(site: Site, *, network: str = "one") -> Conversation:
    """Return a conversation in which something was said."""
    conversation, _ = start_conversation(site, network=network)
    say(conversation, "Hello?")
    return conversation


def flood(site: Site) -> list[Conversation]:
    """Return as many conversations that wait as an hour holds."""
    waiting = [begin(site), begin(site)]
    for conversation in waiting:
        services.request_person(conversation.pk)
    return waiting


def hand_off_for_words(conversation: Conversation, *, urgency: Urgency = Urgency.URGENT) -> Urgency:
    """Pass a message on, usually one that speaks of self-harm; return how urgent that is."""
    with transaction.atomic():
        locked = lock_conversation(conversation.pk)
        services.hand_off(locked, reason=HandOff.Reason.FLAGGED, urgency=urgency)
    return Urgency(HandOff.objects.get(conversation=conversation).urgency)


def test_wish_before_the_first_message_is_refused(conversation: Conversation) -> None:
    with pytest.raises(Conflict, match="write first"):
        services.request_person(conversation.pk)
    assert not HandOff.objects.exists()


def test_wish_past_the_limit_of_a_network_is_refused(site: Site) -> None:
    flood(site)
    more = begin(site)
    with pytest.raises(RateLimited) as caught:
        services.request_person(more.pk)
    assert caught.value.retry_after
    more.refresh_from_db()
    assert (more.status, HandOff.objects.count()) == ("assistant", 2)


def test_wish_of_another_network_is_none_of_it(site: Site) -> None:
    flood(site)
    services.request_person(begin(site, network="two").pk)
    # As those have none that were begun before networks were kept.
    services.request_person(begin(site, network="").pk)
    assert set(HandOff.objects.values_list("urgency", flat=True)) == {Urgency.NORMAL}


def test_wish_is_granted_when_the_others_are_an_hour_old(site: Site) -> None:
    flood(site)
    HandOff.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    services.request_person(begin(site).pk)
    assert HandOff.objects.count() == 3


def test_words_past_the_limit_wait_behind_everybody_else(site: Site) -> None:
    flood(site)
    assert hand_off_for_words(begin(site), urgency=Urgency.HIGH) == Urgency.LOW
    assert hand_off_for_words(begin(site, network="two")) == Urgency.URGENT


def test_words_of_a_life_in_danger_never_wait_behind_everybody(site: Site) -> None:
    flood(site)
    assert hand_off_for_words(begin(site)) == Urgency.NORMAL


def test_place_that_was_kept_is_not_refused_nor_made_better(site: Site) -> None:
    first, _ = flood(site)
    services.resume_assistant(first.pk)
    services.request_person(first.pk)
    services.resume_assistant(first.pk)
    assert hand_off_for_words(first) == Urgency.NORMAL
    first.refresh_from_db()
    assert first.status == "waiting"
