"""For tests of help: a model that replies what a test wrote, and a conversation to help with."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.helping.running import run_help
from assistant.models import HelperRun
from core.background import in_database_thread
from llm.errors import ModelError
from llm.types import ChatMessage, Completion, Tier, Usage

Ask = Callable[..., HelperRun]
USAGE = Usage("gpt-test", prompt_tokens=100, completion_tokens=20, cached_tokens=0)


@dataclass
class ScriptedCompletions:
    """Stands for ``llm.engines.complete``: an error is raised, an event awaited."""

    replies: list[Any] = field(default_factory=list)
    asked: list[tuple[ChatMessage, ...]] = field(default_factory=list)
    tiers: list[Tier] = field(default_factory=list)

    async def __call__(
        self, messages: Sequence[ChatMessage], *, seconds: float, tier: Tier, **_: object
    ) -> Completion:
        self.asked.append(tuple(messages))
        self.tiers.append(tier)
        assert 0 < seconds <= 30
        reply = self.replies.pop(0)
        if isinstance(reply, asyncio.Event):
            await reply.wait()
            reply = self.replies.pop(0)
        if isinstance(reply, ModelError):
            raise reply
        text = reply if isinstance(reply, str) else json.dumps(reply)
        return Completion(text=text, usage=USAGE)

    @property
    def read(self) -> str:
        """All that the last request showed the model."""
        return "\n".join(message.content for message in self.asked[-1])


async def carried_out(run: HelperRun) -> HelperRun:
    """Do what a worker does with the run, and return it as it is then."""
    await run_help(run.pk)
    return await in_database_thread(HelperRun.objects.get)(pk=run.pk)
