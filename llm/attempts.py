"""One request to one model with one key: its stream, from the first token to the last."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
from django.conf import settings
from openai import omit

from llm.assembly import Chunk, ReplyAssembly, Surprise
from llm.capabilities import Capabilities
from llm.connections import UPSTREAM_ERRORS, get_client, timeout, translate_error
from llm.errors import ModelDeadlineExceeded, ModelError, ModelStreamBroken, ModelUnavailable
from llm.event_stream import EventStream
from llm.extractive import HAND_OFF_TOOL_NAME
from llm.payload import to_message_param, to_tool_param
from llm.structured import StructuredReply, response_format
from llm.types import Finished, ReplyEvent, ReplyRequest, TextDelta, ToolCallRequest

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionFunctionToolParam

# Once the finish reason is here only the usage is missing, and no customer waits for that.
TAIL_SECONDS = 2.0


class Attempt:
    """One request to one model with one key."""

    def __init__(
        self, request: ReplyRequest, *, model: str, key: str, capabilities: Capabilities
    ) -> None:
        self.model = model
        self.key = key
        self._request = request
        self._can = capabilities
        self._assembly = ReplyAssembly()
        # The prompt asked for the form, whether or not the server holds the model to it.
        self._form = StructuredReply() if request.wants_verdict else None
        self._surprise = Surprise()
        self._stream: EventStream | None = None
        self._first = ""
        self._unread: list[Chunk] = []
        # Until something can be seen each event is waited for by itself.
        self._is_seen = False

    @property
    def _is_structured(self) -> bool:
        return self._request.wants_verdict and self._can.structured_output

    async def start(self) -> None:
        """Send the request and wait for its first token."""
        seconds = settings.OPENAI_FIRST_TOKEN_SECONDS
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self.close)
            async with self._translate_errors(seconds, late=ModelUnavailable):
                self._stream = await self._open_stream()
                while not self._assembly.has_begun:
                    self._first = await self._read_first(self._stream)
            undo.pop_all()

    async def iterate_events(self) -> AsyncGenerator[ReplyEvent, None]:
        """Yield everything, the first token included."""
        if self._first:
            yield TextDelta(self._first)
        while chunks := await self._next_chunks():
            if shown := "".join(map(self._read, chunks)):
                yield TextDelta(shown)
        verdict = self._form.conclude() if self._form else None
        for event in self._assembly.conclude():
            if verdict is not None and not isinstance(event, ToolCallRequest):
                yield verdict
                verdict = None
            if isinstance(event, Finished):
                yield replace(event, mean_logprob=self._surprise.mean)
            else:
                yield event

    async def close(self) -> None:
        """Release the connection; harmless when called twice."""
        if self._stream is not None:
            with suppress(httpx2.HTTPError):
                await self._stream.close()

    async def _read_first(self, stream: EventStream) -> str:
        if not self._unread:
            self._unread = await stream.read(at_pace=False)
        if not self._unread:
            raise ModelStreamBroken
        return self._read(self._unread.pop(0))

    def _read(self, chunk: Chunk) -> str:
        """Take a chunk in and return what of it the customer may read."""
        delta = self._assembly.read(chunk)
        text = delta.text if delta else ""
        shown = self._form.feed(text) if self._form and text else text
        if shown:
            self._is_seen = True
            self._surprise.add(chunk)
        return shown

    async def _next_chunks(self) -> list[Chunk]:
        unread, self._unread = self._unread, []
        if unread or self._stream is None:
            return unread
        is_whole = self._assembly.finish_reason is not None
        silence = TAIL_SECONDS if is_whole else settings.OPENAI_FIRST_TOKEN_SECONDS
        try:
            async with self._translate_errors(silence, late=ModelStreamBroken):
                return await self._stream.read(at_pace=self._is_seen)
        except ModelError:
            if is_whole:
                return []
            raise

    @asynccontextmanager
    async def _translate_errors(
        self, seconds: float, *, late: type[ModelError]
    ) -> AsyncIterator[None]:
        """Bound a step to `seconds` and to the deadline, and let out `ModelError` only."""
        remaining = self._request.deadline - time.monotonic()
        try:
            async with asyncio.timeout(min(seconds, remaining)):
                yield
        except TimeoutError:
            raise (ModelDeadlineExceeded if remaining <= seconds else late)() from None
        except UPSTREAM_ERRORS as error:
            raise translate_error(error, begun=self._assembly.has_begun) from None

    async def _open_stream(self) -> EventStream:
        request = self._request
        response = await get_client(self.key).chat.completions.with_raw_response.create(
            model=self.model,
            messages=[],  # in the body below
            logprobs=True if self._can.logprobs else omit,
            max_completion_tokens=request.max_tokens or settings.OPENAI_MAX_COMPLETION_TOKENS,
            safety_identifier=(self._can.identifiers and request.safety_identifier) or omit,
            prompt_cache_key=(self._can.identifiers and request.prompt_cache_key) or omit,
            stream=True,
            stream_options={"include_usage": True} if self._can.stream_options else omit,
            timeout=timeout(read=settings.OPENAI_FIRST_TOKEN_SECONDS),
            # As they are: the SDK would look for names to change in each part of them.
            extra_body={
                "messages": [to_message_param(message) for message in request.messages],
                **self._schemas(),
            },
        )
        return EventStream(response.http_response)

    def _schemas(self) -> dict[str, object]:
        """Return the tools and the form that are asked for, if any, by their parameters."""
        tools = self._tools()
        form = {"response_format": response_format()} if self._is_structured else {}
        return {**({"tools": tools} if tools else {}), **form}

    def _tools(self) -> "list[ChatCompletionFunctionToolParam]":
        """Return the tools; in the structured form the verdict says what the hand-off tool says."""
        if not self._can.tools:
            return []
        offered = self._request.tools
        if self._is_structured:
            offered = tuple(tool for tool in offered if tool.name != HAND_OFF_TOOL_NAME)
        return [to_tool_param(tool) for tool in offered]
