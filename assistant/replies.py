"""One reply of a model while it comes in: what may be shown of it, and what it asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assistant.output_guard import OutputGuard
from assistant.redaction import StreamRestorer
from llm.engines import HAND_OFF_TOOL
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

    @property
    def wish(self) -> Mapping[str, object] | None:
        """The reason and detail with which the model wants a person, if it does."""
        if self.verdict is not None and self.verdict.needs_human:
            return {"reason": self.verdict.reason, "detail": self.verdict.detail}
        # Any call that is left here has no result to answer with.
        own = [one.arguments for one in self.calls if one.name == HAND_OFF_TOOL.name]
        return own[0] if own else ({} if self.calls else None)
