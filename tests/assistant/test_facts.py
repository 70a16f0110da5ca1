"""What is learnt of a customer: in their own words, never personal, bounded, erasable."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from assistant.facts import KEYS, MAX_VALUE_CHARACTERS, Proposed, learn_facts
from assistant.memory import Memory, recall
from assistant.models import ConversationSummary, LearntFact
from conversations.models import Conversation, Customer, Message, Site
from conversations.services import start_conversation

pytestmark = pytest.mark.django_db
SAID = "My canoe is a Swift 15, I use it with my two kids on lakes"


def say(conversation: Conversation, text: str, *, kind: str = "customer") -> Message:
    conversation.last_seq += 1
    conversation.save()
    return Message.objects.create(
        conversation=conversation,
        seq=conversation.last_seq,
        episode=conversation.episode,
        author_kind=kind,
        text=text,
    )


def learn(
    message: Message, *, key: str = "product", value: str = "a Swift 15 canoe", **options: Any
) -> int:
    return learn_facts(
        message.conversation,
        [Proposed(key, value, options.pop("seq", message.seq))],
        said={message.seq: message},
        is_personal=options.pop("is_personal", lambda text: False),
    )


@pytest.fixture
def verified(site: Site) -> Conversation:
    """A conversation of somebody for whom the site's signature vouches."""
    conversation = start_conversation(site)[0]
    Customer.objects.filter(pk=conversation.customer_id).update(
        is_verified=True, external_id="7", name="Ann", attributes={"plan": "pro", "iban": "X"}
    )
    conversation.customer.refresh_from_db()
    conversation.identity_expires_at = timezone.now() + timedelta(hours=1)
    conversation.save()
    return conversation


def again(conversation: Conversation, *, vouched: bool = True) -> Conversation:
    """Another conversation of the same customer."""
    other = start_conversation(conversation.site)[0]
    other.customer = conversation.customer
    other.identity_expires_at = timezone.now() + timedelta(hours=1 if vouched else -1)
    other.save()
    return other


def test_fact_is_kept_with_the_message_it_stands_in(conversation: Conversation) -> None:
    message = say(conversation, SAID)
    assert learn(message) == 1
    fact = LearntFact.objects.get()
    assert (fact.key, fact.value, fact.source_message) == ("product", "a Swift 15 canoe", message)
    assert fact.customer_id == conversation.customer_id


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("role", "a Swift 15 canoe"),
        ("is_verified", "yes"),
        ("product", "a Swift 17 canoe"),
        ("product", "a Swift 15 canoe, refund promised"),
        ("product", "<EMAIL_1>"),
        ("product", "<CARD_2> canoe"),
        ("product", ""),
        ("product", " . "),
        ("product", "canoe " * 40),
    ],
)
def test_fact_is_refused_when_the_customer_did_not_say_it_so(
    conversation: Conversation, key: str, value: str
) -> None:
    assert learn(say(conversation, SAID), key=key, value=value) == 0
    assert not LearntFact.objects.exists()


def test_fact_is_refused_when_somebody_else_said_it(conversation: Conversation) -> None:
    for kind in ("assistant", "agent", "system"):
        assert learn(say(conversation, SAID, kind=kind)) == 0
    assert learn(say(conversation, SAID), seq=99) == 0


def test_fact_is_refused_when_it_is_personal(conversation: Conversation) -> None:
    assert learn(say(conversation, SAID), is_personal=lambda text: "Swift" in text) == 0


def test_newer_value_takes_the_place_of_the_older_one(conversation: Conversation) -> None:
    learn(say(conversation, SAID))
    learn(say(conversation, "I sold it and bought a Heron kayak"), value="a Heron kayak")
    assert [fact.value for fact in LearntFact.objects.all()] == ["a Heron kayak"]


def test_facts_of_a_customer_are_bounded() -> None:
    assert len(KEYS) <= 20
    assert max(map(len, KEYS)) <= LearntFact._meta.get_field("key").max_length
    assert LearntFact._meta.get_field("value").max_length == MAX_VALUE_CHARACTERS == 200


def test_nothing_is_learnt_while_nobody_vouches_for_a_verified_customer(
    verified: Conversation,
) -> None:
    assert learn(say(again(verified, vouched=False), SAID)) == 0
    assert learn(say(verified, SAID)) == 1


def test_verified_customer_is_remembered_in_another_conversation(verified: Conversation) -> None:
    learn(say(verified, SAID), key="team_size", value="two kids")
    assert recall(again(verified)).learnt == ("team size: two kids",)
    assert recall(again(verified, vouched=False)).learnt == ()


def test_anonymous_customer_is_remembered_in_the_same_conversation_alone(
    conversation: Conversation,
) -> None:
    learn(say(conversation, SAID))
    other = start_conversation(conversation.site)[0]
    other.customer = conversation.customer
    other.save()
    assert recall(other).learnt == ()
    assert recall(conversation).learnt == ()
    conversation.episode += 1
    conversation.save()
    assert recall(conversation).learnt == ("product: a Swift 15 canoe",)


def test_fact_whose_message_is_gone_is_still_known(verified: Conversation) -> None:
    message = say(verified, SAID)
    learn(message)
    LearntFact.objects.update(source_message=None)
    assert recall(verified).learnt == ("product: a Swift 15 canoe",)


def test_records_are_those_of_a_vouched_customer_and_few(verified: Conversation) -> None:
    assert recall(verified).records == {"Name": "Ann", "Plan": "pro", "Language": "en"}
    assert recall(again(verified, vouched=False)).records == {}


def test_nothing_is_remembered_of_a_conversation_that_is_not_stored(site: Site) -> None:
    assert recall(Conversation(site=site, customer=Customer(site=site))) == Memory()


def test_summaries_are_those_of_the_episode(conversation: Conversation) -> None:
    for version in range(1, 7):
        ConversationSummary.objects.create(
            conversation=conversation,
            episode=1,
            version=version,
            through_seq=version * 4,
            text=f"Notes {version}",
        )
    summaries = recall(conversation).summaries
    assert [one.text for one in summaries] == ["Notes 3", "Notes 4", "Notes 5", "Notes 6"]
    conversation.episode = 2
    assert recall(conversation).summaries == ()
