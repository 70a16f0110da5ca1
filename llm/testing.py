"""A scripted engine for tests: it says what a test wrote, and can be paused in mid-sentence."""

import asyncio
from collections.abc import AsyncGenerator, Iterable

from llm.errors import ModelError
from llm.extractive import HAND_OFF_TOOL_NAME
from llm.types import Finished, ReplyEvent, ReplyRequest, TextDelta, ToolCallRequest, Usage

# An event is yielded, an error raised, and an asyncio.Event waited for.
ScriptStep = ReplyEvent | ModelError | asyncio.Event


class ScriptedEngine:
    """Plays back one script a request; `requests` keeps what was asked.

    The scripts of a question are used in their order, the last one again and again. A question
    without a script gets the default; without a default it is an `AssertionError`.
    """

    name = "scripted"

    def __init__(self, *, default: Iterable[ScriptStep] | None = None) -> None:
        self.requests: list[ReplyRequest] = []
        self._default = None if default is None else tuple(default)
        self._scripts: dict[str, list[tuple[ScriptStep, ...]]] = {}

    def add_script(self, question: str, *steps: ScriptStep) -> None:
        """Write the next reply to a question."""
        self._scripts.setdefault(question, []).append(steps)

    async def stream_reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Play back the script of the request's question."""
        self.requests.append(request)
        for step in self._take_script(request.question):
            if isinstance(step, ModelError):
                raise step
            if isinstance(step, asyncio.Event):
                await step.wait()
            else:
                yield step

    def _take_script(self, question: str) -> tuple[ScriptStep, ...]:
        scripts = self._scripts.get(question, [])
        if len(scripts) > 1:
            return scripts.pop(0)
        script = scripts[0] if scripts else self._default
        if script is None:
            raise AssertionError(f"no script for the question {question!r}")
        return script


def make_answer(*texts: str) -> tuple[ReplyEvent, ...]:
    """Return the steps of a whole answer that comes in these pieces."""
    usage = Usage("scripted", prompt_tokens=10, completion_tokens=len(texts), cached_tokens=0)
    return (*(TextDelta(text) for text in texts), usage, Finished("stop"))


def make_hand_off(reason: str = "cannot_answer", *, detail: str = "") -> tuple[ReplyEvent, ...]:
    """Return the steps of a reply that asks for a person."""
    arguments = {"reason": reason, "detail": detail}
    return (ToolCallRequest("call-1", HAND_OFF_TOOL_NAME, arguments), Finished("tool_calls"))
