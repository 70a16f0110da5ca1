"""What the model on a server can do: known of OpenAI's own, asked of any other, once."""

import re
import threading
import time
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from llm.models import ModelCapability

REREAD_SECONDS = 30.0
# Models that think first give no log-probabilities.
THINKING: Final = re.compile(r"(?:o\d|gpt-5)")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which parts of the protocol a model understands; a request leaves the others out."""

    structured_output: bool = False
    tools: bool = True
    logprobs: bool = False
    stream_options: bool = True


# Of a server that was not asked yet: what every one of them is known to take.
UNKNOWN: Final = Capabilities()


def capabilities_of(model: str) -> Capabilities:
    """Return what is known of a model; from memory, so that an event loop may ask."""
    if is_openai():
        return Capabilities(structured_output=True, logprobs=not THINKING.match(model))
    return _known.get((settings.OPENAI_BASE_URL, model), UNKNOWN)


def read_capabilities() -> None:
    """Read again what was found out, at most each 30 s; needs the database."""
    with _reading:
        now = time.monotonic()
        if is_openai() or now - _read_at.get("", -REREAD_SECONDS) < REREAD_SECONDS:
            return
        _read_at[""] = now
        _known.clear()
        for row in ModelCapability.objects.all():
            _known[row.base_url, row.model] = Capabilities(
                row.structured_output, row.tools, row.logprobs, row.stream_options
            )


def store_capabilities(model: str, found: Capabilities) -> None:
    """Keep what was found out of a model on the configured server."""
    ModelCapability.objects.update_or_create(
        base_url=settings.OPENAI_BASE_URL,
        model=model,
        defaults={
            "structured_output": found.structured_output,
            "tools": found.tools,
            "logprobs": found.logprobs,
            "stream_options": found.stream_options,
        },
    )
    forget_capabilities()


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
