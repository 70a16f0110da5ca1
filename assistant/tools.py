"""Tools: typed functions of the installation that the model may call to read something.

The model chooses the arguments, never the customer: ``Caller`` comes from the server.
"""

import asyncio
import inspect
import json
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, get_type_hints

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections
from django.utils import timezone
from pydantic import BaseModel, ValidationError

from conversations.models import Conversation
from llm.types import ToolCallRequest, ToolSpec

logger = logging.getLogger(__name__)
MAX_CALLS = 4
MAX_ROUNDS = 2
MAX_RESULT_CHARACTERS = 4_000
TOOL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a tool is called; ``external_id`` and ``email`` only if the site signed them."""

    site_key: str
    is_verified: bool
    external_id: str
    email: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A registered function with the model of its arguments."""

    name: str
    function: Callable[..., Any]
    arguments: type[BaseModel]

    @property
    def spec(self) -> ToolSpec:
        """The tool as a model is told of it."""
        return ToolSpec(
            name=self.name,
            description=inspect.getdoc(self.function) or self.name,
            parameters=self.arguments.model_json_schema(),
        )


_registry: dict[str, Tool] = {}


def tool(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register ``function(arguments, *, caller)``; its docstring is what the model reads."""
    hints = get_type_hints(function)
    arguments = hints.get("arguments")
    if not (isinstance(arguments, type) and issubclass(arguments, BaseModel)):
        raise ImproperlyConfigured(f"{function.__name__} needs arguments: a pydantic model")
    if not inspect.getdoc(function):
        raise ImproperlyConfigured(f"{function.__name__} needs a docstring")
    _registry[function.__name__] = Tool(function.__name__, function, arguments)
    return function


@lru_cache(maxsize=1)
def _load() -> None:
    for module in settings.SUPPORTBOT_TOOLS:
        import_module(module)


def tool_specs() -> tuple[ToolSpec, ...]:
    """Return the tools of this installation."""
    _load()
    return tuple(one.spec for one in _registry.values())


def caller_of(conversation: Conversation) -> Caller:
    """Return for whom the tools of a conversation are called."""
    customer = conversation.customer
    until = conversation.identity_expires_at
    # A token outlives a log-in by weeks: only a fresh signature unlocks a customer's data.
    verified = customer.is_verified and until is not None and until > timezone.now()
    return Caller(
        site_key=conversation.site.key,
        is_verified=verified,
        external_id=customer.external_id if verified else "",
        email=customer.email if verified else "",
    )


async def call_tool(call: ToolCallRequest, *, caller: Caller, deadline: float) -> str:
    """Run a tool in threads of its own, for a bounded time: a hung one must not stop the turns.

    ``deadline`` is a time of ``time.monotonic()``.
    """
    loop = asyncio.get_running_loop()
    run = partial(run_tool, call.name, call.arguments, caller=caller)
    try:
        async with asyncio.timeout(max(0.1, min(TOOL_SECONDS, deadline - time.monotonic()))):
            return await loop.run_in_executor(_threads(), run)
    except TimeoutError:
        return json.dumps({"error": "The tool failed."})


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(4, thread_name_prefix="tools")


def run_tool(name: str, arguments: Mapping[str, object], *, caller: Caller) -> str:
    """Return a tool's result as JSON text; what goes wrong is a result too, and logged."""
    _load()
    known = _registry.get(name)
    if known is None:
        return json.dumps({"error": "There is no such tool."})
    try:
        checked = known.arguments.model_validate(dict(arguments))
    except ValidationError as error:
        fields = [".".join(str(part) for part in one["loc"]) for one in error.errors()]
        return json.dumps({"error": f"Wrong arguments: {', '.join(fields)}"})
    try:
        result = known.function(checked, caller=caller)
    except Exception as error:  # an installation's own code: its defect must not cost the turn
        logger.warning("tool %s: %s", name, type(error).__name__)
        return json.dumps({"error": "The tool failed."})
    finally:
        close_old_connections()
    return json.dumps(result, default=str)[:MAX_RESULT_CHARACTERS]
