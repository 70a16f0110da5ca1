"""The assistant helps while nobody is at the desk, and the place in the queue is kept."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from assistant import services
from assistant.models import Turn
from conversations.models import Conversation
from conversations.services import lock_conversation
from escalation.models import HandOff
from tests.customers import say

pytestmark = pytest.mark.django_db


def status_of(conversation: Conversation) -> str:
    conversation.refresh_from_db()
    return conversation.status


@pytest.fixture
def waiting(conversation: Conversation) -> Conversation:
    say(conversation, "Get me a person")
    services.request_person(conversation.pk)
    return conversation


def test_resume_when_waiting_keeps_the_place_and_runs_nothing_again(waiting: Conversation) -> None:
    services.resume_assistant(waiting.pk)
    assert status_of(waiting) == "assistant"
    assert HandOff.objects.get(conversation=waiting).state == "waiting"
    assert not Turn.objects.filter(conversation=waiting, state="queued").exists()


def test_resume_when_asked_something_meanwhile_answers_that(waiting: Conversation) -> None:
    asked = say(waiting, "Do gift cards expire?").message.seq
    services.resume_assistant(waiting.pk)
    assert Turn.objects.get(conversation=waiting, state="queued").from_seq == asked


def test_resume_when_an_agent_holds_it_changes_nothing(waiting: Conversation, agent: User) -> None:
    services.take_conversation(waiting.pk, agent=agent)
    seq = Conversation.objects.get(pk=waiting.pk).last_seq
    services.resume_assistant(waiting.pk)
    assert (status_of(waiting), waiting.last_seq) == ("agent", seq)


def test_hand_off_when_the_assistant_helps_meanwhile_goes_back_to_its_place(
    waiting: Conversation,
) -> None:
    services.resume_assistant(waiting.pk)
    with transaction.atomic():
        locked = lock_conversation(waiting.pk)
        services.hand_off(locked, reason=HandOff.Reason.FLAGGED)
    hand_off = HandOff.objects.get(conversation=waiting)
    assert (status_of(waiting), hand_off.state) == ("waiting", "waiting")
    assert hand_off.urgency == HandOff.Urgency.HIGH
    assert hand_off.reason == HandOff.Reason.ASKED_FOR_PERSON


def test_silence_when_a_place_is_kept_ends_nothing(waiting: Conversation) -> None:
    services.resume_assistant(waiting.pk)
    long_ago = timezone.now() - timedelta(days=1)
    Conversation.objects.filter(pk=waiting.pk).update(last_message_at=long_ago)
    assert services.close_when_idle(waiting.pk) is False
    assert status_of(waiting) == "waiting"


def test_take_when_the_assistant_helps_meanwhile_is_the_kept_hand_off(
    waiting: Conversation, agent: User
) -> None:
    services.resume_assistant(waiting.pk)
    services.take_conversation(waiting.pk, agent=agent)
    hand_off = HandOff.objects.get(conversation=waiting)
    assert (status_of(waiting), hand_off.taken_by) == ("agent", agent)


def test_customers_reason_is_marked_as_their_words(conversation: Conversation) -> None:
    say(conversation, "Get me a person")
    services.request_person(conversation.pk, detail="I am the owner")
    detail = HandOff.objects.get(conversation=conversation).detail
    assert detail == "Customer's words, unverified: I am the owner"
