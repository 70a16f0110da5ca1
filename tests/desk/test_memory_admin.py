"""What is remembered of customers: who sees it, and who erases it."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from assistant.models import LearntFact
from conversations.models import Conversation, Site
from tests.conftest import make_user
from tests.desk.conftest import browser_of

pytestmark = pytest.mark.django_db
LIST = "admin:assistant_learntfact_changelist"


@pytest.fixture
def office(site: Site) -> Client:
    return browser_of(make_user("mira", role="manager"))


@pytest.fixture
def fact(conversation: Conversation) -> LearntFact:
    return LearntFact.objects.create(
        customer=conversation.customer,
        conversation=conversation,
        key="product",
        value="<b>a blue canoe</b>",
    )


def change_link(fact: LearntFact) -> str:
    return reverse("admin:assistant_learntfact_change", args=[fact.pk])


def test_manager_sees_facts_and_can_not_rewrite_them(office: Client, fact: LearntFact) -> None:
    assert "&lt;b&gt;a blue canoe" in office.get(reverse(LIST)).content.decode()
    assert office.get(change_link(fact)).status_code == 200
    assert office.post(change_link(fact), {"value": "the owner"}).status_code == 403
    assert office.get(reverse("admin:assistant_learntfact_add")).status_code == 403
    fact.refresh_from_db()
    assert fact.value == "<b>a blue canoe</b>"


def test_manager_erases_a_fact(office: Client, fact: LearntFact) -> None:
    link = reverse("admin:assistant_learntfact_delete", args=[fact.pk])
    assert office.post(link, {"post": "yes"}).status_code == 302
    assert not LearntFact.objects.exists()


def test_agent_gets_nowhere(agent: User, fact: LearntFact) -> None:
    desk = browser_of(agent)
    link = reverse("admin:assistant_learntfact_delete", args=[fact.pk])
    for answer in (
        desk.get(reverse(LIST)),
        desk.get(change_link(fact)),
        desk.post(link, {"post": "yes"}),
    ):
        assert answer.status_code == 403
    assert LearntFact.objects.exists()
