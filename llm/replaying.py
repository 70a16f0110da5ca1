"""Recorded replies: keeps what a model said, and says it again without one.

A recording is a file of JSON lines: the question as the engine was asked it, and the reply.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from llm.errors import ModelUnavailable
from llm.types import (
    Engine,
    Finished,
    FinishReason,
    ReplyEvent,
    ReplyRequest,
    TextDelta,
    ToolCallRequest,
    Usage,
    Verdict,
)

PIECE_CHARACTERS = 24


class RecordedCall(BaseModel):
    """A tool call of a recorded reply."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    arguments: dict[str, Any] = {}


class RecordedVerdict(BaseModel):
    """The model's own verdict; its fields are those of `Verdict`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    citations: tuple[str, ...] = ()
    confidence: float | None = None
    language: str = "en"
    needs_human: bool = False
    reason: str = ""
    detail: str = ""


class RecordedUsage(BaseModel):
    """What the reply cost in tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


class Recording(BaseModel):
    """One question and the reply to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    text: str = ""
    calls: tuple[RecordedCall, ...] = ()
    verdict: RecordedVerdict | None = None
    usage: RecordedUsage | None = None
    finished: FinishReason = "stop"


def read_recordings(path: Path) -> list[Recording]:
    """Return the recordings of a file; raise `ValueError` with the line for anything else."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(Recording.model_validate_json(line))
        except ValidationError as error:
            raise ValueError(f"{path}:{number}: {error.errors()[0]['msg']}") from error
    return found


class ReplayedEngine:
    """Says again what was recorded; a question without a recording finds the model away."""

    name = "replayed"

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self._recordings: Mapping[str, Recording] = {one.question: one for one in recordings}

    async def stream_reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Stream the recorded reply in small pieces."""
        recording = self._recordings.get(request.question)
        if recording is None:
            raise ModelUnavailable
        for start in range(0, len(recording.text), PIECE_CHARACTERS):
            await asyncio.sleep(0)
            yield TextDelta(recording.text[start : start + PIECE_CHARACTERS])
        for number, call in enumerate(recording.calls):
            yield ToolCallRequest(f"call-{number}", call.name, call.arguments)
        if recording.verdict:
            yield Verdict(**recording.verdict.model_dump())
        if recording.usage:
            yield Usage(**recording.usage.model_dump())
        yield Finished(recording.finished)


class RecordingEngine:
    """Passes another engine's replies on and writes each whole one to a file."""

    def __init__(self, engine: Engine, *, path: Path) -> None:
        self.name = engine.name
        self._engine = engine
        self._path = path

    async def stream_reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Stream the reply; it is written when it ended."""
        events: list[ReplyEvent] = []
        async for event in self._engine.stream_reply(request):
            events.append(event)
            if isinstance(event, Finished):
                # Before the event: most readers leave at it.
                self._append(recording_of(request.question, events))
            yield event

    def _append(self, recording: Recording) -> None:
        line = json.dumps(recording.model_dump(exclude_defaults=True), ensure_ascii=False)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def recording_of(question: str, events: Iterable[ReplyEvent]) -> Recording:
    """Return the events of a whole reply as a recording."""
    fields: dict[str, Any] = {"question": question, "text": "", "calls": []}
    for event in events:
        match event:
            case TextDelta(text):
                fields["text"] += text
            case ToolCallRequest():
                fields["calls"].append({"name": event.name, "arguments": dict(event.arguments)})
            case Verdict():
                fields["verdict"] = _fields_of(event)
            case Usage():
                fields["usage"] = _fields_of(event)
            case Finished():
                fields["finished"] = event.reason
    return Recording.model_validate(fields)


def _fields_of(event: Verdict | Usage) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__slots__}
