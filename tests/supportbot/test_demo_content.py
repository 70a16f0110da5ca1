"""The demo's files: orders that add up and reach their owner only, questions that name articles."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pytest_django import Settings

from assistant.evaluation.demo import make_demo_site
from assistant.tools import Caller, ToolRefused
from assistant.trying import Decision, try_question
from supportbot.demo_data.order_tools import (
    NewAddress,
    OrderNumber,
    _describe_cancel,
    cancel_order,
    change_delivery_address,
    order_status,
)
from supportbot.demo_data.orders import change_order, find_order

FOLDER = settings.BASE_DIR / "knowledge" / "demo"
NUMBER = "HP-10427"
OPEN = "HP-10443"


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


@pytest.fixture(autouse=True)
def _own_changes(settings: Settings, tmp_path: Path) -> None:
    """What one test changes of an order, no other sees."""
    settings.DATA_DIR = tmp_path


def test_order_status_tells_an_order_to_its_owner() -> None:
    caller = signed_in(owner_of(NUMBER))
    order = order_status(OrderNumber(number=NUMBER), caller=caller)
    assert (order["number"], order["status"]) == (NUMBER, "Shipped")
    assert "email" not in order


@pytest.mark.parametrize("is_verified", [True, False])
def test_order_is_kept_from_others(is_verified: bool) -> None:
    email = owner_of(OPEN) if not is_verified else owner_of("HP-10412")
    caller = signed_in(email, is_verified=is_verified)
    asked = OrderNumber(number=OPEN)
    address = NewAddress(number=OPEN, street="Elm 1", city="Rye", region="NY", postal_code="10580")
    with pytest.raises(ToolRefused):
        order_status(asked, caller=caller)
    with pytest.raises(ToolRefused):
        cancel_order(asked, caller=caller, idempotency_key="k")
    with pytest.raises(ToolRefused):
        change_delivery_address(address, caller=caller, idempotency_key="k")


def test_cancelled_order_shows_so_at_a_second_look() -> None:
    caller, asked = signed_in(owner_of(OPEN)), OrderNumber(number=OPEN)
    assert cancel_order(asked, caller=caller, idempotency_key="k").startswith("Order HP-10443 is")
    assert order_status(asked, caller=caller)["status"] == "Cancelled"
    with pytest.raises(ToolRefused, match="can't be changed any more: cancelled"):
        cancel_order(asked, caller=caller, idempotency_key="other")


def test_new_address_shows_at_a_second_look() -> None:
    caller = signed_in(owner_of(OPEN))
    address = NewAddress(number=OPEN, street="Elm 1", city="Rye", region="NY", postal_code="10580")
    change_delivery_address(address, caller=caller, idempotency_key="k")
    destination = order_status(OrderNumber(number=OPEN), caller=caller)["destination"]
    assert (destination["street"], destination["city"]) == ("Elm 1", "Rye")


def test_shipped_order_is_neither_cancelled_nor_sent_elsewhere() -> None:
    caller = signed_in(owner_of(NUMBER))
    with pytest.raises(ToolRefused, match="shipped"):
        cancel_order(OrderNumber(number=NUMBER), caller=caller, idempotency_key="k")
    with pytest.raises(ToolRefused, match="shipped"):
        _describe_cancel(OrderNumber(number=NUMBER), caller)


def test_change_under_one_key_is_made_once() -> None:
    assert change_order(OPEN, {"status": "Cancelled"}, key="k")
    assert not change_order(OPEN, {"status": "Received"}, key="k")
    order = find_order(OPEN, email=owner_of(OPEN))
    assert order is not None
    assert order["status"] == "Cancelled"


def test_changes_of_many_at_once_are_all_kept() -> None:
    numbers = [row["number"] for row in read("orders.json")]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda one: change_order(one, {"status": "Seen"}, key=one), numbers))
    assert {find_order(one, email=owner_of(one))["status"] for one in numbers} == {"Seen"}


def test_sample_orders_are_27_with_numbers_of_their_own() -> None:
    numbers = [OrderNumber(number=row["number"]).number for row in read("orders.json")]
    assert len(numbers) == len(set(numbers)) == 27


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


@pytest.mark.django_db
def test_how_long_one_has_to_return_a_thing_is_found_by_its_name() -> None:
    site = make_demo_site()
    for thing in ("boots", "a jacket", "my tent", "something"):
        trial = try_question(site, f"How long do I have to return {thing}?", locale="en")
        found = trial.decision, trial.passages[0].slug
        assert found == (Decision.ANSWER, "returns-policy"), thing
