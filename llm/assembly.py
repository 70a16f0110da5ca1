"""Turns the chunks of one streamed chat completion into events, and trusts none of them."""

import json
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, cast, get_args

from llm.errors import ModelStreamBroken
from llm.types import Finished, FinishReason, TextDelta, ToolCallRequest, Usage

# A chunk's JSON as it was sent: to build the SDK's objects takes four times as long as to read it.
Chunk = Mapping[str, Any]
LEAST_LOGPROB = -20.0
MOST_TOKENS = 100_000_000
# What it raises to read in something that is not as documented.
UNLIKE_A_CHUNK = (AttributeError, TypeError, ValueError, LookupError)
FINISH_REASONS: tuple[str, ...] = get_args(FinishReason)


class ReplyAssembly:
    """The state of one reply while its chunks arrive.

    Nobody has validated the chunks, so that any part may be missing or of another type:
    `read` raises `ModelStreamBroken` for what is not a chunk.
    """

    def __init__(self) -> None:
        self.finish_reason: str | None = None
        self.has_begun = False
        self._usage: Usage | None = None
        self._tool_calls: dict[int, _ToolCallParts] = {}

    def read(self, chunk: Chunk) -> TextDelta | None:
        """Take a chunk in and return the text it adds."""
        try:
            return self._read(chunk)
        except UNLIKE_A_CHUNK:
            raise ModelStreamBroken from None

    def conclude(self) -> Iterator[ToolCallRequest | Usage | Finished]:
        """Yield what comes after the text; raises `ModelStreamBroken` if the reply is not whole."""
        reason = self.finish_reason
        if reason not in FINISH_REASONS:
            raise ModelStreamBroken
        if reason in {"stop", "tool_calls"} and self._tool_calls:
            # Some compatible servers say "stop" after tool calls.
            reason = "tool_calls"
            yield from [parts.to_request() for _, parts in sorted(self._tool_calls.items())]
        if self._usage:
            yield self._usage
        yield Finished(cast("FinishReason", reason))

    def _read(self, chunk: Chunk) -> TextDelta | None:
        if usage := chunk.get("usage"):
            self._usage = read_usage(usage, model=chunk["model"])
        if not (choices := chunk["choices"]):
            return None
        choice = choices[0]
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        # Nothing more will come; any other reason without text or call is an empty reply.
        self.has_begun = self.has_begun or self.finish_reason == "content_filter"
        if not (delta := choice.get("delta")):
            return None
        for call in delta.get("tool_calls") or ():
            self.has_begun = True
            self._tool_calls.setdefault(call["index"], _ToolCallParts()).add(call)
        text = clean_text(delta.get("content") or delta.get("refusal") or "")
        self.has_begun = self.has_begun or bool(text)
        return TextDelta(text) if text else None


class Surprise:
    """The log-probabilities of an answer's tokens, where the upstream offers them."""

    def __init__(self) -> None:
        self._total = 0.0
        self._count = 0

    @property
    def mean(self) -> float | None:
        """The mean log-probability (natural, at most 0); None of no token."""
        return self._total / self._count if self._count else None

    def add(self, chunk: Chunk) -> None:
        """Take in the tokens of a chunk; what is not as documented is not counted."""
        try:
            found = chunk["choices"][0].get("logprobs")
            values = [float(token["logprob"]) for token in (found and found["content"]) or ()]
        except UNLIKE_A_CHUNK:
            return
        # The API's -9999 stands for "hardly ever"; alone it would drown every other token.
        finite = [max(value, LEAST_LOGPROB) for value in values if isfinite(value)]
        self._total += sum(finite)
        self._count += len(finite)


class _ToolCallParts:
    """A tool call whose pieces are still arriving."""

    def __init__(self) -> None:
        self._call_id = ""
        self._name = ""
        self._arguments = ""

    def add(self, call: Mapping[str, Any]) -> None:
        self._call_id += call.get("id") or ""
        if function := call.get("function"):
            self._name += function.get("name") or ""
            self._arguments += function.get("arguments") or ""

    def to_request(self) -> ToolCallRequest:
        try:
            arguments = clean_value(json.loads(self._arguments or "{}"))
        except (ValueError, RecursionError):
            raise ModelStreamBroken from None
        if not self._name or not isinstance(arguments, Mapping):
            raise ModelStreamBroken
        return ToolCallRequest(
            call_id=clean_text(self._call_id), name=clean_text(self._name), arguments=arguments
        )


def clean_text(text: str) -> str:
    """Drop NUL and replace lone surrogates: PostgreSQL stores neither."""
    if text.isascii():
        return text.replace("\0", "")
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", "")


def clean_value(value: object) -> object:
    """Clean every text within a decoded JSON value."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [clean_value(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): clean_value(item) for key, item in value.items()}
    return value


def read_usage(usage: Mapping[str, Any], *, model: str) -> Usage:
    """Return the token counts of a reply; raises `TypeError` and its kind for nonsense."""
    details = usage.get("prompt_tokens_details")
    return Usage(
        model=str(model),
        prompt_tokens=_count(usage["prompt_tokens"]),
        completion_tokens=_count(usage["completion_tokens"]),
        cached_tokens=_count((details and details.get("cached_tokens")) or 0),
    )


def _count(tokens: object) -> int:
    """Return a count as any column takes it: a server's slip must not end a turn."""
    return min(MOST_TOKENS, max(0, int(str(tokens))))
