"""What counts as a verdict on an answer, through the services that people's acts go by."""

import uuid

import pytest

from accounts.models import User
from assistant.models import Turn
from assistant.services import end_by_customer, request_person, send_agent_reply, take_conversation
from assistant.verdicts import CONFIRMED_KINDS, WEIGHTS, Kind, read_verdicts
from conversations.models import Conversation, Message, Site
from conversations.services import append_message, lock_conversation, rate_conversation
from conversations.services import set_helpful as thumb
from escalation.models import HandOff
from escalation.services import request_hand_off
from tests.assistant.calibrating import answer

pytestmark = pytest.mark.django_db


def kinds(site: Site) -> list[str]:
    return [one.kind for one in read_verdicts(site.pk)]


def ask(turn: Turn, text: str = "Hm?") -> Conversation:
    held = lock_conversation(turn.conversation_id)
    append_message(held, author_kind=Message.Author.CUSTOMER, text=text)
    return held


@pytest.mark.parametrize(("helpful", "kind"), [(True, Kind.THUMB_UP), (False, Kind.THUMB_DOWN)])
def test_thumb_is_a_confirmed_verdict_when_given(site: Site, helpful: bool, kind: Kind) -> None:
    turn = answer(site, features={"fused": 0.4}, topic="returns")
    thumb(turn.conversation_id, message_id=turn.public_id, helpful=helpful)
    [verdict] = read_verdicts(site.pk)
    assert (verdict.kind, verdict.is_right, verdict.weight) == (kind, helpful, 1.0)
    assert verdict.features == {"fused": 0.4}
    assert verdict.topic == "returns"


def test_assumed_verdicts_count_less_than_confirmed_ones() -> None:
    assumed = set(Kind) - CONFIRMED_KINDS
    assert max(WEIGHTS[kind] for kind in assumed) < min(WEIGHTS[kind] for kind in CONFIRMED_KINDS)


def test_no_verdict_when_nobody_says_anything(site: Site) -> None:
    answer(site)
    ask(answer(site))
    assert kinds(site) == []


def test_no_verdict_when_the_answer_has_no_features_or_is_made_up(site: Site) -> None:
    answer(site, features={}, helpful=True)
    sample = answer(site, helpful=True)
    Conversation.objects.filter(pk=sample.conversation_id).update(is_sample=True)
    assert kinds(site) == []


def test_no_verdict_when_the_answer_is_another_sites(site: Site) -> None:
    answer(Site.objects.create(key="other", name="Other"), helpful=True)
    assert kinds(site) == []


def test_agent_corrects_when_writing_right_after_the_answer(site: Site, agent: User) -> None:
    turn = answer(site)
    take_conversation(turn.conversation_id, agent=agent)
    send_agent_reply(turn.conversation_id, agent=agent, text="No, like that.")
    assert kinds(site) == [Kind.AGENT_CORRECTED]


def test_person_is_wanted_when_asked_for_after_the_answer(site: Site) -> None:
    turn = answer(site)
    request_person(turn.conversation_id)
    assert kinds(site) == [Kind.WANTED_PERSON]


def test_only_the_last_answer_is_meant_when_a_person_is_asked_for(site: Site) -> None:
    first = answer(site)
    second = answer(site, conversation=first.conversation)
    request_person(first.conversation_id)
    [verdict] = read_verdicts(site.pk)
    assert verdict.kind == Kind.WANTED_PERSON
    Message.objects.filter(pk=second.message_id).update(helpful=True)
    assert kinds(site) == [Kind.THUMB_UP]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (HandOff.Reason.REPEATED_QUESTION, [Kind.ASKED_AGAIN]),
        (HandOff.Reason.NEGATIVE_SENTIMENT, [Kind.WANTED_PERSON]),
        (HandOff.Reason.LOW_CONFIDENCE, []),
    ],
)
def test_hand_off_speaks_of_the_answer_when_its_reason_does(
    site: Site, reason: HandOff.Reason, expected: list[str]
) -> None:
    held = ask(answer(site))
    request_hand_off(held, reason=reason)
    assert kinds(site) == expected


@pytest.mark.parametrize(
    ("score", "expected"),
    [(1, [Kind.RATED_LOW]), (2, [Kind.RATED_LOW]), (3, []), (4, [Kind.RATED_HIGH])],
)
def test_rating_speaks_of_the_answers_when_no_person_had_a_part(
    site: Site, score: int, expected: list[str]
) -> None:
    turn = answer(site)
    end_by_customer(turn.conversation_id)
    rate_conversation(turn.conversation_id, score=score)
    assert kinds(site) == expected


def test_rating_is_no_verdict_when_a_person_had_a_part(site: Site, agent: User) -> None:
    turn = answer(site)
    held = ask(turn)
    request_hand_off(held, reason=HandOff.Reason.LOW_CONFIDENCE)
    take_conversation(held.pk, agent=agent)
    send_agent_reply(held.pk, agent=agent, text="Hello.", client_id=uuid.uuid4())
    end_by_customer(held.pk)
    rate_conversation(held.pk, score=1)
    assert kinds(site) == []
