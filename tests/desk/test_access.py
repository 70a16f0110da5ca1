"""Who may open what: every address of the desk against every kind of person."""

import re
import uuid

import pytest
from django.contrib import admin
from django.db.models import CharField, TextField
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from conversations.models import Conversation, Site
from escalation.models import HandOff
from tests.conftest import make_user
from tests.desk.conftest import browser_of, url_of

pytestmark = pytest.mark.django_db
POSTED = {
    "desk_availability",
    "desk_take",
    "desk_take_over",
    "desk_reply",
    "desk_hand_back",
    "desk_resolve",
}


def all_addresses(conversation: Conversation) -> dict[str, str]:
    """Every named address below the queue: a new one is in the matrix by itself."""
    hand_off = HandOff.objects.get(conversation=conversation)
    found = {}
    for pattern in admin.site._registry[HandOff].get_urls():
        known = {"public_id": conversation.public_id, "pk": hand_off.pk}
        wanted = {name: known[name] for name in pattern.pattern.converters}
        found[pattern.name] = reverse(f"admin:{pattern.name}", kwargs=wanted)
    return found


def ask(client: Client, name: str, address: str) -> int:
    return (client.post if name in POSTED else client.get)(address).status_code


def test_anonymous_people_are_sent_to_the_log_in(waiting: Conversation) -> None:
    for name, address in all_addresses(waiting).items():
        answer = (Client().post if name in POSTED else Client().get)(address)
        assert answer.status_code == 302, name
        assert answer["Location"].startswith(reverse("admin:login")), name


def test_staff_without_the_permission_are_refused(waiting: Conversation) -> None:
    clerk = User.objects.create_user("clerk", password="clerk", is_staff=True)
    for name, address in all_addresses(waiting).items():
        assert ask(browser_of(clerk), name, address) == 403, name


def test_the_permission_without_staff_status_is_not_enough(waiting: Conversation) -> None:
    person = make_user("pat", role="agent")
    User.objects.filter(pk=person.pk).update(is_staff=False)
    for name, address in all_addresses(waiting).items():
        assert ask(browser_of(person), name, address) == 302, name


def test_agents_reach_every_address(desk: Client, waiting: Conversation) -> None:
    for name, address in all_addresses(waiting).items():
        assert ask(desk, name, address) in {200, 302, 400}, name


def test_reading_addresses_take_no_posts_and_acting_ones_no_gets(
    desk: Client, waiting: Conversation
) -> None:
    for name, address in all_addresses(waiting).items():
        wrong = desk.get if name in POSTED else desk.post
        assert wrong(address).status_code == 405, name


def test_acting_needs_the_form_token(agent: User, waiting: Conversation) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    for name in POSTED - {"desk_availability"}:
        assert client.post(url_of(name.removeprefix("desk_"), waiting)).status_code == 403, name
    waiting.refresh_from_db()
    assert waiting.status == "waiting"


def test_an_unknown_conversation_is_not_found(desk: Client) -> None:
    for name in ("desk_conversation", "desk_conversation_fragment"):
        assert desk.get(reverse(f"admin:{name}", args=[uuid.uuid4()])).status_code == 404
    assert desk.post(reverse("admin:desk_take", args=[uuid.uuid4()])).status_code == 404


@pytest.mark.parametrize("verb", ["add", "delete", "history"])
def test_hand_offs_have_no_other_addresses(desk: Client, waiting: Conversation, verb: str) -> None:
    queue = reverse("admin:escalation_handoff_changelist")
    assert desk.get(f"{queue}{verb}/").status_code == 404
    assert desk.get(f"{queue}1/{verb}/").status_code == 404


def test_visiting_the_desk_counts_as_being_there(desk: Client, agent: User) -> None:
    desk.get(reverse("admin:desk_queue_fragment"))
    agent.refresh_from_db()
    assert agent.agent.last_seen_at is not None


@pytest.mark.parametrize(
    ("role", "address"),
    [
        ("agent", "/admin/conversations/conversation/?token_hash__startswith=0"),
        ("manager", "/admin/conversations/site/?secret__startswith=0"),
        ("manager", "/admin/conversations/site/?secret=0"),
        ("manager", "/admin/assistant/toolcall/?sealed_arguments__startswith=g"),
        ("manager", "/admin/assistant/turn/?conversation__site__secret__startswith=0"),
        ("administrator", "/admin/accounts/user/?password__startswith=p"),
    ],
)
def test_list_can_not_be_asked_for_what_is_never_shown(site: Site, role: str, address: str) -> None:
    browser = browser_of(make_user("max", role=role))
    assert browser.get(address.partition("?")[0]).status_code == 200
    assert browser.get(address).status_code == 400


def test_no_list_can_be_asked_for_a_secret(rf: RequestFactory) -> None:
    asked = [
        (listed, field.name)
        for model, listed in admin.site._registry.items()
        for field in model._meta.fields
        if model._meta.app_label != "axes"  # no role may see its lists
        and isinstance(field, CharField | TextField)
        and re.search("secret|password|hash|sealed|token", field.name)
    ]
    assert len(asked) >= 4
    for listed, name in asked:
        assert not listed.lookup_allowed(f"{name}__startswith", "0", rf.get("/")), listed
