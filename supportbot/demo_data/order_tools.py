"""The demo's tool: a signed-in customer's own orders, from the sample file."""

import json
from functools import lru_cache
from typing import Any

from django.conf import settings
from pydantic import BaseModel, Field

from assistant.tools import Caller, tool


class OrderNumber(BaseModel):
    """The argument that the model fills in."""

    number: str = Field(pattern=r"^HP-\d{5}$", description="As on the confirmation: HP-10427.")


@lru_cache(maxsize=1)
def _orders() -> list[dict[str, Any]]:
    path = settings.BASE_DIR / "knowledge" / "demo" / "orders.json"
    orders: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return orders


@tool
def order_status(arguments: OrderNumber, *, caller: Caller) -> dict[str, Any]:
    """Look up the state of one of the signed-in customer's own orders by its number."""
    if not caller.is_verified or not caller.email:
        return {"error": "The customer is not signed in: orders can't be shown."}
    for order in _orders():
        if order["number"] == arguments.number and order["email"] == caller.email:
            return order
    return {"error": "This customer has no order with that number."}
