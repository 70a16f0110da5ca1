"""Rows that are read by a written condition are the ORM's, field by field."""

import uuid
from datetime import date

import pytest
from django.db import models, transaction
from django.db.transaction import TransactionManagementError

from assistant.models import Spend, Turn
from conversations.models import Conversation, Customer, Message, Site
from conversations.services import append_message, lock_conversation
from core.rows import fetch_row, fetch_rows, fetch_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def filled(site: Site, conversation: Conversation) -> None:
    """A row of each model with something in every kind of column."""
    Customer.objects.update(name="Mia", attributes={"plan": "gold", "seats": [1, None]})
    locked = lock_conversation(conversation.pk)
    citation = {"title": "Réturns", "url": "", "quote": "30 days"}
    message = append_message(
        locked,
        author_kind=Message.Author.ASSISTANT,
        text="In 30 days\u2026",
        citations=[citation],
        suggestions=["Yes", 'a "quoted" one'],
    )
    Turn.objects.create(
        conversation=conversation,
        from_seq=1,
        holder_epoch=0,
        message=message,
        features={"score": 0.5},
        cost="0.000123",
        public_id=uuid.uuid4(),
    )
    Spend.objects.create(scope="total", scope_key="all", day=date(2026, 1, 2), spent_usd="1.5")


@pytest.mark.parametrize("model", [Site, Customer, Conversation, Message, Turn, Spend])
@pytest.mark.usefixtures("filled")
def test_fetched_rows_are_those_of_the_orm(model: type[models.Model]) -> None:
    expected = list(model._default_manager.order_by("pk"))
    found = fetch_rows(model, "ORDER BY id", [])
    assert found == expected
    for one, other in zip(found, expected, strict=True):
        for field in model._meta.concrete_fields:
            value, same = getattr(one, field.attname), getattr(other, field.attname)
            assert (value, type(value)) == (same, type(same)), field.name
        assert not one._state.adding


def test_further_columns_come_beside_each_row(conversation: Conversation) -> None:
    also = ("last_seq + 1", "EXISTS (SELECT FROM conversations_site WHERE id = site_id)")
    ((found, beside),) = fetch_with(Conversation, "WHERE id = %s", [conversation.pk], also=also)
    assert found == conversation
    assert beside == (conversation.last_seq + 1, True)


def test_nothing_is_found_as_none(site: Site) -> None:
    assert fetch_row(Site, "WHERE id = %s", [-1]) is None


@pytest.mark.django_db(transaction=True)
def test_lock_outside_a_transaction_is_refused(site: Site) -> None:
    with pytest.raises(TransactionManagementError):
        fetch_row(Site, "WHERE id = %s FOR UPDATE", [site.pk])
    with transaction.atomic():
        assert fetch_row(Site, "WHERE id = %s FOR UPDATE", [site.pk]) == site
