"""What goes into an engine and what comes out of it, free of any SDK."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]


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
class Finished:
    """The last event of every reply that is whole."""

    reason: FinishReason


ReplyEvent = TextDelta | ToolCallRequest | Usage | Finished


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
    `time.monotonic()`. `answerable` is what retrieval thought of the passages.
    """

    messages: tuple[ChatMessage, ...]
    passages: tuple[SourcePassage, ...]
    question: str
    deadline: float
    tools: tuple[ToolSpec, ...] = ()
    locale: str = "en"
    safety_identifier: str = ""
    prompt_cache_key: str = ""
    answerable: bool = True


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
