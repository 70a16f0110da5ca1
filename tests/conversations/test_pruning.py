"""Conversations that were only opened are deleted after a day; all others stay."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection, transaction

from conversations import pruning
from conversations.models import Conversation, Customer, Episode, Site
from conversations.pruning import forget_unused
from conversations.services import (
    CustomerClaim,
    lock_conversation,
    slide_token,
    start_conversation,
)
from tests.customers import say

pytestmark = pytest.mark.django_db
MIA = CustomerClaim(external_id="1", name="Mia", is_verified=True)


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)


def opened(site: Site, *, hours: int, claim: CustomerClaim | None = None) -> Conversation:
    """Return a conversation that was opened so long ago, and not since."""
    conversation, _ = start_conversation(site, claim=claim)
    ago = timedelta(hours=hours)
    Conversation.objects.filter(pk=conversation.pk).update(
        created_at=conversation.created_at - ago,
        token_expires_at=conversation.token_expires_at - ago,
    )
    return conversation


def test_unused_conversations_go_with_their_episodes_and_customers(site: Site) -> None:
    for _ in range(5):
        opened(site, hours=25)
    young = opened(site, hours=23)
    assert forget_unused() == 5
    assert Conversation.objects.get() == young
    assert Episode.objects.get().conversation == young
    assert Customer.objects.get() == young.customer


def test_what_was_written_in_stays(site: Site) -> None:
    conversation = opened(site, hours=100)
    say(conversation, "Hello?")
    assert forget_unused() == 0


def test_what_somebody_came_back_to_stays(site: Site) -> None:
    slide_token(opened(site, hours=100))
    assert forget_unused() == 0


def test_customer_of_another_conversation_stays(site: Site) -> None:
    unused, used = (opened(site, hours=25, claim=MIA) for _ in range(2))
    say(used, "Hello?")
    assert forget_unused() == 1
    assert Conversation.objects.get() == used
    assert Customer.objects.get() == unused.customer


def forget_elsewhere() -> int:
    """Do it by a connection of its own."""
    try:
        return forget_unused()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_what_is_being_written_in_is_left_alone(site: Site) -> None:
    conversation = opened(site, hours=25)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        lock_conversation(conversation.pk)
        assert pool.submit(forget_elsewhere).result(timeout=10) == 0
    assert forget_unused() == 1


def test_beat_forgets_by_a_task_that_exists(site: Site) -> None:
    opened(site, hours=25)
    entry = settings.CELERY_BEAT_SCHEDULE["forget-unused-conversations"]
    current_app.loader.import_default_modules()
    current_app.tasks[str(entry["task"])].run()
    assert not Conversation.objects.exists()
