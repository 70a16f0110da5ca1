"""Fixtures of all packages' tests: a site, people, and the rows that migrations made."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from accounts.models import User
from accounts.roles import ensure_roles
from conversations.models import Conversation, Site
from conversations.services import start_conversation
from core import limits
from core.background import close_database_connections
from escalation.defaults import ensure_rules


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Nothing is connected to the test's database when it is dropped."""
    yield
    close_database_connections()


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    """No test inherits another one's rate counts."""
    limits._windows.clear()
    counts = limits._redis()
    for key in counts.scan_iter(f"{settings.REDIS_PREFIX}.rate.*"):
        counts.delete(key)


@pytest.fixture
def site(db: None) -> Site:
    """A site with its rules; transactional tests lose the roles, so they are made again."""
    ensure_roles()
    ensure_rules()
    return Site.objects.create(
        key="shop", name="Test Shop", allowed_origins=["https://shop.example.com"]
    )


@pytest.fixture
def conversation(site: Site) -> Conversation:
    """A fresh conversation of an anonymous customer."""
    return start_conversation(site)[0]


def make_user(name: str, *, role: str) -> User:
    """Return a member of staff with one role; the password is the name."""
    from django.contrib.auth.models import Group

    user = User.objects.create_user(name, password=name, first_name=name.title(), is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def agent(site: Site) -> User:
    """An agent named Ana."""
    return make_user("ana", role="agent")


@pytest.fixture
def other_agent(site: Site) -> User:
    """An agent named Ben."""
    return make_user("ben", role="agent")
