"""``@tool``: typed functions of the installation that the model may call."""

import inspect
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any, Literal, TypeVar, get_type_hints, overload

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pydantic import BaseModel

from assistant.models import Audience, Effect
from assistant.tools.caller import Caller
from assistant.tools.definitions import (
    DEFAULT_RATE,
    DEFAULT_SECONDS,
    MAX_SECONDS,
    Card,
    Run,
    Tool,
    card_from,
)
from llm.engines import HAND_OFF_TOOL

NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
MAX_RATE = 1_000
Function = TypeVar("Function", bound=Callable[..., Any])
Choice = TypeVar("Choice", Effect, Audience)
Describe = str | Callable[..., Card] | None
_registry: dict[str, Tool] = {}


@overload
def tool(function: Function) -> Function: ...


@overload
def tool(
    *,
    effect: Literal["read", "write"] = "read",
    audience: Literal["customer", "verified", "agent"] = "customer",
    rate: int = DEFAULT_RATE,
    timeout: float = DEFAULT_SECONDS,
    sites: Iterable[str] | None = None,
    describe: Describe = None,
) -> Callable[[Function], Function]: ...


def tool(
    function: Callable[..., Any] | None = None,
    *,
    effect: str = "read",
    audience: str = "customer",
    rate: int = DEFAULT_RATE,
    timeout: float = DEFAULT_SECONDS,
    sites: Iterable[str] | None = None,
    describe: Describe = None,
) -> Any:
    """Register ``function(arguments, *, caller)``; its docstring is what the model reads.

    ``rate`` is calls a minute for one customer, ``timeout`` seconds, ``sites`` their keys (all
    sites without). A write has to ``describe`` what will happen: a template whose first line is
    the card's title, or a function ``(arguments, caller)`` that returns a ``Card``. A function
    that takes ``idempotency_key`` as well is given one, the same for each look at one effect.
    Raises ``ImproperlyConfigured`` for a definition that can't work.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        made = _Definition(function)
        made.check(rate=rate, timeout=timeout, sites=sites)
        chosen = made.choice(Effect, effect, "effect")
        _registry[made.name] = Tool(
            name=made.name,
            description=made.docstring,
            arguments=made.arguments,
            parameters=made.arguments.model_json_schema(),
            run=made.run,
            effect=chosen,
            audience=made.choice(Audience, audience, "audience"),
            rate=rate,
            timeout=timeout,
            sites=None if sites is None else frozenset(sites),
            describe=made.description(describe, effect=chosen),
        )
        return function

    return register if function is None else register(function)


@lru_cache(maxsize=1)
def load_tools() -> None:
    """Import the modules of ``SUPPORTBOT_TOOLS``, once."""
    for module in settings.SUPPORTBOT_TOOLS:
        import_module(module)


def registered_tools() -> tuple[Tool, ...]:
    """Return the functions that this installation registered."""
    load_tools()
    return tuple(_registry.values())


class _Definition:
    """A function that is to become a tool; each complaint names it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.name: str = getattr(function, "__name__", "")
        self.parameters = inspect.signature(function).parameters
        self.docstring = inspect.getdoc(function) or ""
        self.arguments = self._arguments()

    def refuse(self, complaint: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"The tool {self.name!r}: {complaint}")

    def _arguments(self) -> type[BaseModel]:
        names = list(self.parameters)
        if not names or names[0] != "arguments":
            raise self.refuse("its first parameter must be `arguments`, a pydantic model")
        hint = get_type_hints(self.function).get("arguments")
        if not (isinstance(hint, type) and issubclass(hint, BaseModel)):
            raise self.refuse("`arguments` must be annotated with a pydantic model")
        rest = list(self.parameters.values())[1:]
        by_name = {one.name for one in rest if one.kind is inspect.Parameter.KEYWORD_ONLY}
        allowed = {"caller", "idempotency_key"}
        if len(by_name) < len(rest) or "caller" not in by_name or not by_name <= allowed:
            raise self.refuse("after `arguments` come `*, caller` and, if wanted, idempotency_key")
        return hint

    def check(self, *, rate: int, timeout: float, sites: Iterable[str] | None) -> None:
        """Complain about what the options can't be."""
        if not NAME.fullmatch(self.name) or self.name == HAND_OFF_TOOL.name:
            raise self.refuse("a name has a-z, 0-9 and _, begins with a letter, is 50 long at most")
        if self.name in _registry:
            raise self.refuse("another tool has this name")
        if inspect.iscoroutinefunction(self.function):
            raise self.refuse("it runs in a thread and must not be async")
        if not self.docstring:
            raise self.refuse("it needs a docstring: what it does and when to call it")
        if isinstance(rate, bool) or not isinstance(rate, int) or not 1 <= rate <= MAX_RATE:
            raise self.refuse(f"rate is a whole number of calls a minute, 1 to {MAX_RATE}")
        if not 0 < timeout <= MAX_SECONDS:
            raise self.refuse(f"timeout is in seconds, {MAX_SECONDS:g} at most")
        if isinstance(sites, str):
            raise self.refuse("sites is a tuple of keys, not one text")

    def choice(self, choices: type[Choice], value: str, name: str) -> Choice:
        """Return one of ``choices``."""
        try:
            return choices(value)
        except ValueError:
            raise self.refuse(f"{name} is one of {', '.join(choices.values)}") from None

    @property
    def run(self) -> Run:
        """The function, called with what it takes."""
        if "idempotency_key" in self.parameters:
            return self.function
        function = self.function

        def without_key(arguments: Any, *, caller: Caller, idempotency_key: str) -> object:
            return function(arguments, caller=caller)

        return without_key

    def description(
        self, describe: Describe, *, effect: Effect
    ) -> Callable[[Any, Caller], Card] | None:
        """Return what makes the card of a write."""
        if effect == Effect.READ:
            if describe is not None:
                raise self.refuse("a read asks nothing of the customer, so it has no `describe`")
            return None
        if describe is None:
            raise self.refuse("a write needs `describe`: what will happen, for the customer")
        if not isinstance(describe, str):
            return describe
        try:
            return card_from(describe, known=set(self.arguments.model_fields))
        except ValueError as error:
            raise self.refuse(f"describe: {error}") from error
