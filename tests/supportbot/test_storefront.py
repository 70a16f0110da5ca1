"""The demo's shop signs its customers in as any shop's server would."""

import json

import pytest
from django.test import Client
from pytest_django import Settings

from conversations.models import Customer, Site
from supportbot.demo_data.shop import ensure_site
from supportbot.storefront import signed_customer

ORIGIN = "http://testserver"


@pytest.fixture
def shop(db: None, settings: Settings) -> Site:
    settings.DEMO = True
    return ensure_site(ORIGIN)


def test_customer_whom_the_shop_signs_in_is_verified(client: Client, shop: Site) -> None:
    body = json.dumps({"site": shop.key, "customer": signed_customer("ada")})
    answer = client.post(
        "/api/v1/sessions", body, content_type="application/json", headers={"Origin": ORIGIN}
    )
    assert answer.status_code == 201
    customer = Customer.objects.get()
    assert (customer.is_verified, customer.email) == (True, "ada.marsh@example.com")


@pytest.mark.parametrize(
    ("query", "link", "is_signed"),
    [
        ("", "Sign in as Ada", False),
        ("?customer=", "Sign in as Ada", False),
        ("?customer=mallory", "Sign in as Ada", False),
        ("?customer=ada", "Sign out Ada Marsh", True),
    ],
)
def test_page_says_who_is_signed_in(
    client: Client, shop: Site, query: str, link: str, is_signed: bool
) -> None:
    page = client.get(f"/{query}").content.decode()
    assert link in page
    assert ('"signature"' in page) == is_signed
    assert shop.secret not in page
    assert ("data-signed-out" in page) == (query == "?customer=")


@pytest.mark.parametrize(("key", "is_promised"), [("", False), ("sk-test", True)])
def test_shop_promises_what_its_tools_do_only_where_a_model_calls_them(
    client: Client, shop: Site, settings: Settings, key: str, is_promised: bool
) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_API_KEY_FILE = key, ""
    page = client.get("/?customer=ada").content.decode()
    assert ("Ask the chat about them" in page) == is_promised
    assert ("With OPENAI_API_KEY set" in page) == (not is_promised)
