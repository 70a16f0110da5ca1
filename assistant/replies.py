"""One reply of a model while it comes in: what may be shown of it, and what it asked for."""

from dataclasses import dataclass, field

from assistant.output_guard import OutputGuard
from assistant.redaction import StreamRestorer
from llm.types import ToolCallRequest, Verdict


@dataclass(slots=True)
class Reply:
    """What one request to a model brought."""

    guard: OutputGuard
    restorer: StreamRestorer
    calls: list[ToolCallRequest] = field(default_factory=list)
    verdict: Verdict | None = None
    mean_logprob: float | None = None
    received: str = ""

    def feed(self, text: str) -> str:
        """Take a piece of the model's text in and return what of it may be shown."""
        self.received += text
        return self.guard.feed(self.restorer.feed(text))

    def finish(self) -> str:
        """Return what was held back."""
        return self.guard.feed(self.restorer.finish()) + self.guard.finish()
