"""What a tool is, wherever it was defined; and the words in which one refuses."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import isfinite
from string import Formatter
from typing import Any, Protocol

from pydantic import BaseModel

from assistant.models import Audience, Effect
from assistant.tools.caller import Caller
from llm.types import ToolSpec

DEFAULT_RATE = 10
DEFAULT_SECONDS = 5.0
MAX_SECONDS = 20.0
MAX_TITLE = 120
MAX_LINES = 12
MAX_LINE = 300
MAX_DEPTH = 20
CUT_OFF = "\u2026"
# Controls, lone surrogates, what turns the direction of text, what has no width. Not the joiners,
# which Persian and emoji are written with.
_SIGNS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    # Letters that show nothing: they would push what follows out of sight.
    r"\u115f\u1160\u2800\u3164\uffa0"
    r"\ud800-\udfff]"
)


class ToolRefused(Exception):
    """Raised by a tool that did nothing, with the reason in words fit for the customer."""


@dataclass(frozen=True, slots=True)
class Card:
    """What the customer is asked to confirm."""

    title: str
    lines: tuple[str, ...] = ()


class Run(Protocol):
    """Does a tool's work; the key names the effect, so that a server may refuse a second one."""

    def __call__(self, arguments: Any, *, caller: Caller, idempotency_key: str) -> object:
        """Return what the model, or for an effect the customer, is told."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of one site; ``rate`` is calls a minute for one customer, ``timeout`` seconds.

    ``request`` is what a configured one sends and where, as its row says.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    parameters: dict[str, object]
    run: Run
    effect: Effect = Effect.READ
    audience: Audience = Audience.CUSTOMER
    rate: int = DEFAULT_RATE
    timeout: float = DEFAULT_SECONDS
    sites: frozenset[str] | None = None
    describe: Callable[[Any, Caller], Card] | None = None
    request: tuple[object, ...] = ()

    @property
    def definition(self) -> str:
        """A hash of what a call does: what was confirmed must be what runs."""
        parts = [self.name, self.effect, self.audience, self.parameters, self.request]
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def spec(self) -> ToolSpec:
        """The tool as a model is told of it."""
        return ToolSpec(
            name=self.name, description=self.description, parameters=dict(self.parameters)
        )

    @property
    def is_write(self) -> bool:
        """Whether a call changes something, and so needs the customer's click."""
        return self.effect == Effect.WRITE

    def may_be_called_by(self, caller: Caller) -> bool:
        """Whether it is meant for ``caller`` on the caller's site."""
        if self.sites is not None and caller.site_key not in self.sites:
            return False
        match self.audience:
            case Audience.AGENT:
                return caller.is_agent
            case Audience.VERIFIED:
                return caller.is_verified
            case _:
                return True


def storable(text: str) -> str:
    """Return ``text`` without what PostgreSQL takes in no column: NUL and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def mapped(value: Any, change: Callable[[str], str], *, depth: int = MAX_DEPTH) -> Any:
    """Return a JSON value with every text in it changed, keys too; cut off where it is too deep.

    What is no number for a database, as NaN, becomes a text.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, Mapping | list | tuple) and not depth:
        return CUT_OFF
    if isinstance(value, Mapping):
        return {
            mapped(str(key), change): mapped(one, change, depth=depth - 1)
            for key, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [mapped(one, change, depth=depth - 1) for one in value]
    return value


def without_signs(line: str) -> str:
    """Return ``line`` without what would hide, turn or break the words beside it."""
    return _SIGNS.sub("", " ".join(line.split()))


def fields_of(template: str) -> list[str]:
    """Return the names in ``{name}``; raise ``ValueError`` for anything else in braces."""
    names: list[str] = []
    for _, name, spec, conversion in Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise ValueError(f"{{{name}}} is not the plain name of an argument")
        names.append(name)
    return names


def card_from(template: str, *, known: Collection[str]) -> Callable[[BaseModel, Caller], Card]:
    """Return what fills ``template`` in: its first line is the title.

    Raises ``ValueError`` where it is empty or names an argument that is not ``known``.
    """
    title, *lines = [line.strip() for line in template.strip().splitlines() if line.strip()] or [""]
    if not title:
        raise ValueError("the card needs a title")
    for name in fields_of(template):
        if name not in known:
            raise ValueError(f"{{{name}}} is not an argument")

    def describe(arguments: BaseModel, caller: Caller) -> Card:
        values = {
            name: _one_line(value) for name, value in arguments.model_dump(mode="json").items()
        }
        return Card(title.format(**values), tuple(line.format(**values) for line in lines))

    return describe


def _one_line(value: object) -> str:
    """An argument must not add lines of its own to a card."""
    return " ".join(str("" if value is None else value).split())
