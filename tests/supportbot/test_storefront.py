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
