"""The demo's tools: a signed-in customer's own orders, looked up and changed."""

from typing import Any

from pydantic import BaseModel, Field

from assistant.tools import Caller, Card, ToolRefused, tool
from supportbot.demo_data.orders import CHANGEABLE, Order, change_order, find_order

NOT_SIGNED_IN = "Please sign in on our website first: then I can see your orders."
NO_SUCH_ORDER = "You have no order with that number."
NOT_SHOWN = {"email", "keys"}


class OrderNumber(BaseModel):
    """The argument that the model fills in."""

    number: str = Field(pattern=r"^HP-\d{5}$", description="As on the confirmation: HP-10427.")


class NewAddress(OrderNumber):
    """Where an order is to go instead."""

    street: str = Field(min_length=3, max_length=80, description="Street and house number.")
    city: str = Field(min_length=2, max_length=60)
    region: str = Field(min_length=2, max_length=40, description="State or province: ME.")
    postal_code: str = Field(min_length=3, max_length=12)


def _own_order(number: str, caller: Caller) -> Order:
    if not caller.is_verified or not caller.email:
        raise ToolRefused(NOT_SIGNED_IN)
    order = find_order(number, email=caller.email)
    if order is None:
        raise ToolRefused(NO_SUCH_ORDER)
    return order


def _changeable_order(number: str, caller: Caller) -> Order:
    order = _own_order(number, caller)
    if order["status"] not in CHANGEABLE:
        raise ToolRefused(f"Order {number} can't be changed any more: {order['status'].lower()}.")
    return order


def _goods(order: Order) -> str:
    return ", ".join(f"{item['quantity']} x {item['name']}" for item in order["items"])


@tool
def order_status(arguments: OrderNumber, *, caller: Caller) -> dict[str, Any]:
    """Look up the state of one of the signed-in customer's own orders by its number."""
    order = _own_order(arguments.number, caller)
    return {name: value for name, value in order.items() if name not in NOT_SHOWN}


def _describe_cancel(arguments: OrderNumber, caller: Caller) -> Card:
    order = _changeable_order(arguments.number, caller)
    paid = f"{order['total']} {order['currency']}"
    return Card(
        # Not "Cancel": that is what the card's other button says.
        f"Stop order {arguments.number}?",
        (
            _goods(order),
            f"You get {paid} back ({order['payment_method']}).",
            "This can't be undone.",
        ),
    )


@tool(effect="write", describe=_describe_cancel)
def cancel_order(arguments: OrderNumber, *, caller: Caller, idempotency_key: str) -> str:
    """Cancel one of the customer's own orders that has not been shipped yet.

    Call it as soon as the customer asks for it and the number is known: the customer is shown
    what will happen and confirms it.
    """
    # Looked up again: between the card and the click it may have been shipped.
    order = _changeable_order(arguments.number, caller)
    change_order(arguments.number, {"status": "Cancelled"}, key=idempotency_key)
    paid = f"{order['total']} {order['currency']}"
    return f"Order {arguments.number} is cancelled. {paid} goes back to you within 7 days."


def _describe_move(arguments: NewAddress, caller: Caller) -> Card:
    order = _changeable_order(arguments.number, caller)
    old = order["destination"]
    return Card(
        f"Send order {arguments.number} to another address?",
        (_goods(order), f"To: {_address(arguments)}", f"Instead of: {old['city']}"),
    )


def _address(new: NewAddress) -> str:
    return f"{new.street}, {new.city}, {new.region} {new.postal_code}"


@tool(effect="write", audience="verified", describe=_describe_move)
def change_delivery_address(arguments: NewAddress, *, caller: Caller, idempotency_key: str) -> str:
    """Change where one of the customer's own orders goes, as long as it has not been shipped.

    Ask for what is missing of the address first; the customer confirms the change on a card.
    """
    order = _changeable_order(arguments.number, caller)
    destination = order["destination"] | {
        "street": arguments.street,
        "city": arguments.city,
        "region": arguments.region,
        "postal_code": arguments.postal_code,
    }
    change_order(arguments.number, {"destination": destination}, key=idempotency_key)
    return f"Order {arguments.number} will go to {_address(arguments)}."
