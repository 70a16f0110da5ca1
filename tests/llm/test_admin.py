"""Prices, capabilities and states of keys in the admin: who may see and change what."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from conversations.models import Site
from llm.keys import fingerprint
from llm.models import KeyState, ModelCapability, ModelPrice
from llm.pricing import forget_prices, price_of
from tests.conftest import make_user
from tests.desk.conftest import browser_of

pytestmark = pytest.mark.django_db
KEY = "sk-proj-never-shown-anywhere-0123456789"
PAGES = [f"/admin/llm/{name}/" for name in ("modelprice", "modelcapability", "keystate")]


@pytest.fixture
def office(site: Site) -> Client:
    """A manager's browser."""
    return browser_of(make_user("mira", role="manager"))


@pytest.fixture
def rows(settings: Settings) -> KeyState:
    """One row of each kind."""
    settings.OPENAI_API_KEY = KEY
    ModelCapability.objects.create(
        base_url="http://models.internal/v1",
        model="qwen",
        structured_output=True,
        tools=False,
        logprobs=False,
        stream_options=True,
    )
    return KeyState.objects.create(
        fingerprint=fingerprint(KEY),
        state=KeyState.State.OUT_OF_QUOTA,
        code="model_quota_exhausted",
        last_used_at=timezone.now(),
        aside_until=timezone.now() + timedelta(minutes=10),
    )


def test_manager_changes_a_price_and_it_counts_from_then_on(office: Client) -> None:
    row = ModelPrice.objects.get(model="gpt-4.1-mini")
    link = f"/admin/llm/modelprice/{row.pk}/change/"
    assert "Past turns keep the cost" in office.get(link).content.decode()
    fields = {"model": row.model, "input_usd": "0.5", "cached_input_usd": "0.1"}
    sent = office.post(link, {**fields, "output_usd": "2", "as_of": "2026-01-31"})
    assert sent.status_code == 302
    price = price_of("gpt-4.1-mini-2025-04-14")
    assert price is not None
    assert (price.input, price.output) == (Decimal("0.5"), Decimal(2))
    refused = office.post(link, {**fields, "output_usd": "-2", "as_of": "2026-01-31"})
    assert "errorlist" in refused.content.decode()
    forget_prices()


def test_pages_when_a_manager_looks_never_hold_a_key(office: Client, rows: KeyState) -> None:
    pages = [*PAGES, "/admin/", f"/admin/llm/keystate/{rows.pk}/change/"]
    texts = [office.get(page).content.decode() for page in pages]
    assert not any(KEY in text or KEY[-8:] in text for text in texts)
    assert fingerprint(KEY) in texts[2]
    assert "Out of quota" in texts[2]


def test_states_and_capabilities_when_a_manager_sends_changes_stay(
    office: Client, rows: KeyState
) -> None:
    found = ModelCapability.objects.get()
    for name, pk in (("keystate", rows.pk), ("modelcapability", found.pk)):
        assert (
            office.post(f"/admin/llm/{name}/{pk}/change/", {"state": "usable"}).status_code == 403
        )
        assert office.post(f"/admin/llm/{name}/{pk}/delete/", {"post": "yes"}).status_code == 403
        assert office.get(f"/admin/llm/{name}/add/").status_code == 403


def test_model_when_a_manager_has_it_asked_again_is_unknown(office: Client, rows: KeyState) -> None:
    found = ModelCapability.objects.get()
    action = {"action": "probe_again", "_selected_action": [found.pk]}
    answer = office.post(PAGES[1], action, follow=True)
    assert "ask again within a minute" in answer.content.decode()
    assert not ModelCapability.objects.exists()


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_agent_gets_nowhere(site: Site, rows: KeyState, role: str) -> None:
    desk = browser_of(make_user("sam", role=role))
    price = ModelPrice.objects.first()
    assert price is not None
    assert {desk.get(page).status_code for page in PAGES} == {403}
    assert desk.get(f"/admin/llm/modelprice/{price.pk}/change/").status_code == 403
    found = ModelCapability.objects.get()
    desk.post(PAGES[1], {"action": "probe_again", "_selected_action": [found.pk]})
    assert ModelCapability.objects.exists()
