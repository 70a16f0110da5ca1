"""A little shop whose tools the tests of actions call: one read, two effects."""

from dataclasses import dataclass, field

import pytest
from pydantic import BaseModel, Field

from assistant.tools import Caller, Card, ToolRefused, registry, tool


class Number(BaseModel):
    number: str = Field(pattern=r"^HP-\d{5}$")


class Address(Number):
    street: str = Field(max_length=80)


@dataclass
class Shop:
    """What was looked up and done, by whom and under which key."""

    seen: list[tuple[str, Caller]] = field(default_factory=list)
    cancelled: list[tuple[str, str]] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    failure: Exception | None = None


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Register the shop's tools, and none else."""
    monkeypatch.setattr(registry, "_registry", {})
    shop = Shop()

    @tool(rate=5)
    def order_status(arguments: Number, *, caller: Caller) -> dict[str, str]:
        """Look up an order."""
        shop.seen.append((arguments.number, caller))
        if shop.failure:
            raise shop.failure
        return {"state": "shipped on Monday", "email": caller.email}

    def describe(arguments: Number, caller: Caller) -> Card:
        if arguments.number == "HP-99999":
            raise ToolRefused("Order HP-99999 was shipped already.")
        return Card(f"Cancel order {arguments.number}?", ("You get your money back.",))

    @tool(effect="write", describe=describe)
    def cancel_order(arguments: Number, *, caller: Caller, idempotency_key: str) -> str:
        """Cancel an order."""
        shop.cancelled.append((arguments.number, idempotency_key))
        if shop.failure:
            raise shop.failure
        return f"Order {arguments.number} is cancelled."

    @tool(
        effect="write",
        audience="verified",
        describe="Send order {number} elsewhere?\nTo: {street}",
    )
    def change_address(arguments: Address, *, caller: Caller) -> dict[str, str]:
        """Send an order to another address."""
        shop.moved.append((arguments.number, arguments.street))
        return {"number": arguments.number}

    return shop
