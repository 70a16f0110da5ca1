"""What the model on a server can do: known of OpenAI's own, asked of any other, once."""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, Literal, get_args

from django.conf import settings

from llm.models import ModelCapability

Part = Literal["structured_output", "logprobs", "stream_options", "identifiers", "tools"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)
REREAD_SECONDS = 30.0
# Models that think first give no log-probabilities.
THINKING: Final = re.compile(r"(?:o\d|gpt-5)")
# Whether these are understood hangs on the server alone, not on what a manager configured.
LASTING: Final[tuple[Part, ...]] = (
    "structured_output", "logprobs", "stream_options", "identifiers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which parts of the protocol a model understands; a request leaves the others out.

    ``identifiers`` are the customer's hash and the key of the prompt's cache.
    """

    structured_output: bool = False
    tools: bool = True
    logprobs: bool = False
    stream_options: bool = True
    identifiers: bool = True

    def __str__(self) -> str:
        return ", ".join(f"{part} {'yes' if has else 'no'}" for part, has in asdict(self).items())


# Of a server that was not asked yet: what every one of them is known to take.
UNKNOWN: Final = Capabilities()
PLAINEST: Final = Capabilities(tools=False, stream_options=False, identifiers=False)


def capabilities_of(model: str) -> Capabilities:
    """Return what is known of a model; from memory, so that an event loop may ask."""
    found = _known.get((settings.OPENAI_BASE_URL, model))
    return found or (of_openai(model) if is_openai() else UNKNOWN)


def of_openai(model: str) -> Capabilities:
    """Return what a model of OpenAI's own can do."""
    return Capabilities(structured_output=True, logprobs=not THINKING.match(model))


def simpler(found: Capabilities, *, part: str) -> Capabilities:
    """Return the same without the part that a server refused; without a name, the plainest.

    OpenAI itself always names the part: what it refuses otherwise is not helped by less.
    """
    if part in PARTS:
        return replace(found, **{part: False})
    return found if is_openai() else PLAINEST


def read_capabilities() -> None:
    """Read again what was found out, at most each 30 s; needs the database."""
    with _reading:
        now = time.monotonic()
        if now - _read_at.get("", -REREAD_SECONDS) < REREAD_SECONDS:
            return
        _read_at[""] = now
        stored = stored_capabilities()
        for gone in _known.keys() - stored.keys():
            del _known[gone]
        _known.update(stored)


def stored_capabilities() -> Mapping[tuple[str, str], Capabilities]:
    """Return the rows, by server and model."""
    return {
        (row.base_url, row.model): Capabilities(
            row.structured_output, row.tools, row.logprobs, row.stream_options, row.identifiers
        )
        for row in ModelCapability.objects.all()
    }


def store_capabilities(model: str, found: Capabilities) -> None:
    """Keep what was found out of a model on the configured server."""
    ModelCapability.objects.update_or_create(
        base_url=settings.OPENAI_BASE_URL, model=model, defaults=asdict(found)
    )
    forget_capabilities()


def use_at_once(model: str, found: Capabilities) -> None:
    """Let this process ask a model for no more than it was just seen to take."""
    _known[settings.OPENAI_BASE_URL, model] = found


def store_refusal(model: str, *, part: str, before: Capabilities) -> None:
    """Keep that a turn was answered only without a part; needs the database.

    A refused tool may be that one tool's fault, and a refusal without a name anything's: the
    row goes, and the model is asked anew.
    """
    rows = ModelCapability.objects.filter(base_url=settings.OPENAI_BASE_URL, model=model)
    if part in LASTING and not rows.update(**{part: False}) and is_openai():
        store_capabilities(model, replace(before, **{part: False}))
    elif part not in PARTS:
        rows.delete()


def forget_capabilities() -> None:
    """Let the next `read_capabilities` read."""
    with _reading:
        _read_at.clear()


def is_openai() -> bool:
    """Whether the upstream is OpenAI's own."""
    return not settings.OPENAI_BASE_URL or "//api.openai.com/" in f"{settings.OPENAI_BASE_URL}/"


_known: dict[tuple[str, str], Capabilities] = {}
_read_at: dict[str, float] = {}
_reading = threading.Lock()
