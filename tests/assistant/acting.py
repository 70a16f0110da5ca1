"""A little shop whose tools the tests of actions call: one read, two effects."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone
from pydantic import BaseModel, Field

from assistant.carrying_out import carry_out
from assistant.models import ToolCall, Turn
from assistant.tools import Caller, Card, ToolRefused, registry, tool
from assistant.turns import run_turn
from conversations.models import Conversation, Customer
from llm.testing import ScriptedEngine
from llm.types import Finished, ToolCallRequest

QUESTION = "How many days do I have to return unused items?"
CANCEL = ToolCallRequest("c1", "cancel_order", {"number": "HP-12345"})
MOVE = ToolCallRequest("c1", "change_address", {"number": "HP-12345", "street": "Long Lane 1"})
run = async_to_sync(carry_out)


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


@pytest.fixture
def sign_in(conversation: Conversation) -> Callable[..., None]:
    """Let the conversation be a signed customer's, for so many minutes."""

    def change(minutes: float, *, external_id: str = "mia") -> None:
        customer, _ = Customer.objects.get_or_create(
            site=conversation.site, external_id=external_id, is_verified=True
        )
        Conversation.objects.filter(pk=conversation.pk).update(
            customer=customer, identity_expires_at=timezone.now() + timedelta(minutes=minutes)
        )

    return change


@pytest.fixture
def proposed(
    shop: Shop, ask: Callable[[str], Turn], engine: ScriptedEngine
) -> Callable[[ToolCallRequest], ToolCall]:
    """Let a turn propose an effect; return the call whose card its message shows."""

    def propose(request: ToolCallRequest = CANCEL) -> ToolCall:
        question = f"{QUESTION} {uuid.uuid4().hex[:6]}"
        engine.add_script(question, request, Finished("tool_calls"))
        turn = ask(question)
        async_to_sync(run_turn)(turn.pk)
        return ToolCall.objects.get(turn=turn)

    return propose


def shift(call: ToolCall, **seconds: float) -> None:
    """Move a call's times, as if so many seconds had passed."""
    for name, amount in seconds.items():
        moved = getattr(call, name) or timezone.now()
        ToolCall.objects.filter(pk=call.pk).update(**{name: moved - timedelta(seconds=amount)})
