"""The demo's files: orders that add up and reach their owner only, questions that name articles."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings

from assistant.tools import Caller
from supportbot.demo_data.order_tools import OrderNumber, order_status

FOLDER = settings.BASE_DIR / "knowledge" / "demo"
NUMBER = "HP-10427"


def read(name: str) -> list[dict[str, Any]]:
    """Return the rows of one of the demo's files."""
    rows: list[dict[str, Any]] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return rows


def signed_in(email: str, *, is_verified: bool = True) -> Caller:
    """Return a customer of the demo's shop."""
    return Caller(site_key="demo", is_verified=is_verified, external_id="1", email=email)


def owner_of(number: str) -> str:
    """Return the e-mail address of an order in the file."""
    return next(row["email"] for row in read("orders.json") if row["number"] == number)


def test_order_status_tells_an_order_to_its_owner() -> None:
    caller = signed_in(owner_of(NUMBER))
    order = order_status(OrderNumber(number=NUMBER), caller=caller)
    assert (order["number"], order["status"]) == (NUMBER, "Shipped")


@pytest.mark.parametrize("is_verified", [True, False])
def test_order_status_keeps_an_order_from_others(is_verified: bool) -> None:
    email = owner_of(NUMBER) if not is_verified else owner_of("HP-10412")
    caller = signed_in(email, is_verified=is_verified)
    assert set(order_status(OrderNumber(number=NUMBER), caller=caller)) == {"error"}


def test_sample_orders_are_25_with_numbers_of_their_own() -> None:
    numbers = [OrderNumber(number=row["number"]).number for row in read("orders.json")]
    assert len(numbers) == len(set(numbers)) == 25


@pytest.mark.parametrize("order", read("orders.json"), ids=lambda order: order["number"])
def test_sample_order_adds_up(order: dict[str, Any]) -> None:
    goods = sum((Decimal(item["price"]) * item["quantity"] for item in order["items"]), Decimal())
    added = goods - Decimal(order["discount"]) + Decimal(order["shipping"]) + Decimal(order["tax"])
    assert (goods, added) == (Decimal(order["subtotal"]), Decimal(order["total"]))
    assert order["email"].endswith("@example.com")


def test_measuring_questions_name_articles_that_exist() -> None:
    slugs = {file.stem for file in (FOLDER / "articles").glob("*.md")}
    named = {slug for row in read("questions.json") for slug in row["articles"]}
    assert named == slugs
