"""One turn's tools: bounded calls, each a row; an effect ends the reply with a card."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from assistant.actions import Proposal, propose
from assistant.memory import redactor_of
from assistant.models import Effect, ToolCall
from assistant.redaction import Redactor
from assistant.tools.caller import Caller, caller_of
from assistant.tools.definitions import Tool, ToolRefused, mapped, storable
from assistant.tools.rows import record_call
from assistant.tools.running import Outcome, describe_effect, refusal, run_tool
from assistant.tools.selection import tools_for
from conversations.models import Conversation
from core.background import in_database_thread
from core.errors import RateLimited
from core.limits import check_rate
from llm.types import ChatMessage, ToolCallRequest, ToolSpec

State = ToolCall.State
MAX_CALLS = 4
MAX_ROUNDS = 2
MAX_CHARACTERS = 20_000
# Brackets of all kinds: far more than any honest call has, far fewer than end a recursion.
MAX_NESTING = 200
ILLEGIBLE: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought: messages for the model, or the proposal that ends the reply.

    ``results`` are the texts that the messages hold.
    """

    messages: tuple[ChatMessage, ...] = ()
    results: tuple[str, ...] = ()
    proposal: Proposal | None = None


@dataclass(slots=True)
class Toolbox:
    """The tools that one turn may use; ``MAX_CALLS`` calls in all, whatever is tried again.

    ``redactor`` is the turn's own, if its prompt is redacted: what goes to the model gets its
    placeholders, and what the model filled in gets its values back. Rows are always redacted.
    ``was_heard``: a tool has said something, if only why it refuses.
    """

    conversation: Conversation
    caller: Caller
    tools: dict[str, Tool] = field(default_factory=dict)
    turn_pk: int | None = None
    redactor: Redactor | None = None
    calls_left: int = MAX_CALLS
    was_heard: bool = False

    @property
    def was_used(self) -> bool:
        """Whether the model called anything."""
        return self.calls_left < MAX_CALLS

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools as the model is told of them."""
        return tuple(one.spec for one in self.tools.values())

    async def run(self, calls: Sequence[ToolCallRequest], *, seconds: float) -> Round:
        """Run the reads among ``calls`` in their order; the first effect is proposed instead."""
        made: list[tuple[ToolCallRequest, str]] = []
        deadline = time.monotonic() + seconds
        for call in map(_legible, calls[:MAX_CALLS]):
            outcome = await self._answer(call, seconds=deadline - time.monotonic())
            if isinstance(outcome, Proposal):
                return Round(proposal=outcome, results=tuple(text for _, text in made))
            text = self.redactor.redact(outcome.text) if self.redactor else outcome.text
            made.append((call, text))
        asked = ChatMessage("assistant", "", tool_calls=tuple(call for call, _ in made))
        told = [ChatMessage("tool", text, tool_call_id=call.call_id) for call, text in made]
        return Round((asked, *told), tuple(text for _, text in made))

    async def _answer(self, call: ToolCallRequest, *, seconds: float) -> Outcome | Proposal:
        ready = await in_database_thread(self._admit)(call)
        if isinstance(ready, Outcome):
            return await self._stored(call, ready)
        tool, arguments = ready
        if tool.is_write:
            return await self._propose(call, tool, arguments)
        outcome = await run_tool(
            tool, arguments, caller=self.caller, idempotency_key=str(uuid4()), seconds=seconds
        )
        self.was_heard |= outcome.state in {State.DONE, State.REFUSED}
        return await self._stored(call, outcome)

    def _admit(self, call: ToolCallRequest) -> tuple[Tool, BaseModel] | Outcome:
        """Check a call of the model against what it may do, before anything runs."""
        self.calls_left -= 1
        if self.calls_left < 0:
            return refusal("No more calls in this answer.", code="too_many")
        tool = self.tools.get(call.name)
        if tool is None:
            return refusal("There is no such tool.", code="unknown_tool")
        if call.arguments is ILLEGIBLE:
            return refusal("Wrong arguments: too long or too deep.", code="bad_arguments")
        try:
            values = mapped(dict(call.arguments), storable)
            given = self.redactor.restore_value(values) if self.redactor else values
            arguments = tool.arguments.model_validate(given)
        except ValidationError as error:
            fields = [".".join(map(str, one["loc"])) for one in error.errors()]
            return refusal(f"Wrong arguments: {', '.join(fields)[:200]}", code="bad_arguments")
        try:
            who = str(self.conversation.customer_id)
            check_rate(f"tool.{tool.name}", who, limit=tool.rate, window_seconds=60)
        except RateLimited:
            return refusal("Too many calls in a minute. Ask to wait a moment.", code="rate_limited")
        return tool, arguments

    async def _propose(
        self, call: ToolCallRequest, tool: Tool, arguments: BaseModel
    ) -> Proposal | Outcome:
        try:
            card = await describe_effect(tool, arguments, caller=self.caller)
        except ToolRefused as refused:
            self.was_heard = True
            return await self._stored(call, refusal(str(refused), code="refused"))
        return await in_database_thread(propose)(
            tool,
            arguments,
            card,
            caller=self.caller,
            conversation_pk=self.conversation.pk,
            turn_pk=self.turn_pk,
            redact=(self.redactor or redactor_of(self.conversation)).redact,
        )

    async def _stored(self, call: ToolCallRequest, outcome: Outcome) -> Outcome:
        tool = self.tools.get(call.name)
        await in_database_thread(record_call)(
            conversation_pk=self.conversation.pk,
            turn_pk=self.turn_pk,
            tool=call.name,
            effect=tool.effect if tool else Effect.READ,
            arguments=call.arguments,
            outcome=outcome,
            redact=(self.redactor or redactor_of(self.conversation)).redact,
        )
        return outcome


def _legible(call: ToolCallRequest) -> ToolCallRequest:
    """Return a call whose arguments can be looked at, kept and sent back to the model."""
    try:
        text = json.dumps(dict(call.arguments), allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        return replace(call, arguments=ILLEGIBLE)
    nesting = text.count("[") + text.count("{")
    is_small = len(text) <= MAX_CHARACTERS and nesting <= MAX_NESTING
    return call if is_small else replace(call, arguments=ILLEGIBLE)


def open_toolbox(
    conversation: Conversation, *, turn_pk: int | None, redactor: Redactor | None = None
) -> Toolbox:
    """Return the tools of a turn of ``conversation``; without a turn (a trial) there are none."""
    caller = caller_of(conversation)
    own = () if turn_pk is None else tools_for(conversation.site, caller)
    tools = {one.name: one for one in own}
    return Toolbox(conversation, caller, tools, turn_pk, redactor)
