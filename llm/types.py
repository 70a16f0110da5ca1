"""What goes into an engine and what comes out of it, free of any SDK."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

Role = Literal["system", "user", "assistant", "tool"]
Tier = Literal["small", "standard", "strong"]
FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]

# Classes of models, cheapest first.
TIERS: tuple[Tier, ...] = get_args(Tier)


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallRequest:
    """A tool the model wants called, with its complete arguments."""

    call_id: str
    name: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Usage:
    """What the reply cost in tokens; at most one of these comes in a reply."""

    model: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model thinks of its own answer; it comes after the text and before `Finished`.

    `citations` are ids of passages as the prompt names them, offered or not; `confidence` is
    0..1, None when it gave none; `reason` and `detail` say why `needs_human`.
    """

    citations: tuple[str, ...]
    confidence: float | None
    language: str
    needs_human: bool
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of every reply that is whole.

    `mean_logprob` is that of the answer's tokens, None where the upstream does not offer it.
    """

    reason: FinishReason
    mean_logprob: float | None = None


ReplyEvent = TextDelta | ToolCallRequest | Verdict | Usage | Finished


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the prompt.

    `tool_call_id` belongs to the role `tool`; `tool_calls` to an assistant message that such
    a message answers.
    """

    role: Role
    content: str
    tool_call_id: str | None = None
    tool_calls: tuple[ToolCallRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class SourcePassage:
    """A retrieved piece of an article; `text` is Markdown, a higher `score` is a better match.

    `sentence_scores` has the question's cosine with each of `split_excerpts(text)`; empty where
    there are no vectors. `position` rises along the article.
    """

    id: str
    title: str
    heading: str
    text: str
    url: str
    score: float
    sentence_scores: tuple[float, ...] = ()
    position: int = 0


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool the model may call; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, object]


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """Everything an engine needs for one reply.

    `messages` is the whole prompt, passages included, for engines that read a prompt;
    `question` and `passages` serve those that quote. `deadline` is a time of
    `time.monotonic()`. `wants_verdict` asks for structured output: the text as before, and a
    `Verdict` after it. `max_tokens` bounds the reply; None is the configured bound.
    """

    messages: tuple[ChatMessage, ...]
    passages: tuple[SourcePassage, ...]
    question: str
    deadline: float
    tools: tuple[ToolSpec, ...] = ()
    locale: str = "en"
    safety_identifier: str = ""
    prompt_cache_key: str = ""
    tier: Tier = "standard"
    wants_verdict: bool = False
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A short reply, whole; no `usage` where the upstream does not tell it."""

    text: str
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class ModerationVerdict:
    """What the moderation model said about a text."""

    flagged: bool
    categories: tuple[str, ...]


class Engine(Protocol):
    """Something that writes replies.

    The stream raises `ModelError` only. It is whole if, and only if, it ended with `Finished`:
    text that came before an error is to be discarded. Close it (`contextlib.aclosing`) when
    you leave it early.
    """

    name: str

    def stream_reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]: ...
