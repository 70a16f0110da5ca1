"""Fixtures of the desk's tests: a conversation that waits, and browsers that are logged in."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from assistant.services import request_person
from conversations.models import Conversation, Site
from conversations.services import CustomerClaim, start_conversation
from tests.customers import say


def make_waiting(
    site: Site, *, name: str = "Jonas", text: str = "Where is my tent?"
) -> Conversation:
    """Return a conversation whose customer asked for a person."""
    conversation, _ = start_conversation(site, claim=CustomerClaim(name=name))
    say(conversation, text)
    request_person(conversation.pk)
    conversation.refresh_from_db()
    return conversation


def browser_of(user: User) -> Client:
    """Return a browser in which ``user`` is logged in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def url_of(name: str, conversation: Conversation) -> str:
    """Return an address of the desk for a conversation."""
    return reverse(f"admin:desk_{name}", args=[conversation.public_id])


@pytest.fixture
def waiting(site: Site) -> Conversation:
    """Jonas waits for a person."""
    return make_waiting(site)


@pytest.fixture
def desk(agent: User) -> Client:
    """Ana's browser."""
    return browser_of(agent)


@pytest.fixture
def other_desk(other_agent: User) -> Client:
    """Ben's browser."""
    return browser_of(other_agent)
