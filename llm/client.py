"""The only place that talks to OpenAI: a reply as a stream, a short one whole, and moderation.

Errors of the SDK end here. What leaves is a `ModelError`, raised `from None`: the text of the
SDK's errors holds the upstream's body, and a traceback would print it.
"""

import asyncio
import ipaddress
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from weakref import WeakKeyDictionary

import httpx2
from django.conf import settings
from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI, AsyncStream, omit
from openai import OpenAIError as SdkError
from openai.types.chat import ChatCompletionChunk

from llm.assembly import ReplyAssembly, clean_text
from llm.breaker import CircuitBreaker
from llm.errors import ModelDeadlineExceeded, ModelError, ModelStreamBroken, ModelUnavailable
from llm.keys import KeyRing, fingerprint, key_ring
from llm.payload import to_message_param, to_tool_param
from llm.recovery import NextStep, another_model_may_help, choose_recovery, counts_as_outage
from llm.translation import Refusal, translate_refusal
from llm.types import ChatMessage, Finished, ModerationVerdict, ReplyEvent, ReplyRequest, TextDelta

DEFAULT_BASE_URL = "https://api.openai.com/v1"
MODERATION_SECONDS = 2.0
MAX_SHORT_TOKENS = 120
# Once the finish reason is here only the usage is missing, and no customer waits for that.
TAIL_SECONDS = 2.0
# An answer of 800 tokens takes about 250 kB on the wire, most of it the chunks' JSON.
MAX_RESPONSE_BYTES = 2 * 1024 * 1024

# Bad lines raise JSONDecodeError, bad UTF-8 UnicodeDecodeError (both ValueError), and chunks of
# an unexpected shape the last three: the SDK builds its objects without validation.
UPSTREAM_ERRORS = (
    SdkError,
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.StreamError,
    ValueError,
    AttributeError,
    TypeError,
    IndexError,
)

logger = logging.getLogger(__name__)
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], AsyncOpenAI]] = (
    WeakKeyDictionary()
)
_moderation_breaker = CircuitBreaker()
_small_breaker = CircuitBreaker()


class OpenAIEngine:
    """Replies by the chat completions API of OpenAI or of a compatible server.

    Tries again before the first token only, then with the next key or the next model of
    `OPENAI_MODELS`: after an event was yielded nothing is ever repeated.
    """

    name = "openai"

    def __init__(
        self,
        *,
        keys: KeyRing | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys or key_ring()
        self._clock = clock
        self._breakers: dict[str, CircuitBreaker] = {}

    async def stream_reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Stream one reply; raises `ModelError`."""
        attempt = await self._begin(request)
        breaker = self._breaker(attempt.model)
        try:
            async for event in attempt.iterate_events():
                if isinstance(event, Finished):
                    # Before the event: most readers leave at it.
                    breaker.record_success()
                yield event
        except ModelError as error:
            _log_failure(error, attempt=attempt)
            if counts_as_outage(error):
                breaker.record_failure()
            raise
        except GeneratorExit:
            # The reader left by choice while the upstream was answering.
            breaker.record_success()
            raise
        finally:
            await attempt.close()

    async def _begin(self, request: ReplyRequest) -> "_Attempt":
        """Return an attempt that has its first token, of the first model that gives one."""
        refusal: ModelError = ModelUnavailable()
        for model in settings.OPENAI_MODELS:
            try:
                return await self._begin_with_model(request, model=model)
            except ModelError as error:
                if not another_model_may_help(error):
                    raise
                refusal = error
        raise refusal

    async def _begin_with_model(self, request: ReplyRequest, *, model: str) -> "_Attempt":
        retried = False
        while True:
            attempt = self._make_attempt(request, model=model)
            try:
                await attempt.start()
            except ModelError as error:
                self._note_failure(error, attempt=attempt)
                remaining = request.deadline - time.monotonic()
                recovery = choose_recovery(error, retried=retried, remaining=remaining)
                if recovery.step is NextStep.NEXT_KEY:
                    self._keys.set_aside(attempt.key, error=error)
                    continue
                if recovery.step is not NextStep.RETRY:
                    raise
                retried = True
                await asyncio.sleep(random.uniform(*recovery.wait))  # noqa: S311 jitter, no secret
            else:
                return attempt

    def _make_attempt(self, request: ReplyRequest, *, model: str) -> "_Attempt":
        key = self._keys.find_usable()
        if key is None:
            raise self._keys.get_refusal()
        if not self._breaker(model).allow():
            raise ModelUnavailable
        return _Attempt(request, model=model, key=key)

    def _note_failure(self, error: ModelError, *, attempt: "_Attempt") -> None:
        _log_failure(error, attempt=attempt)
        if counts_as_outage(error):
            self._breaker(attempt.model).record_failure()
        elif not isinstance(error, ModelDeadlineExceeded):
            # A refusal is an answer: it ends a probe.
            self._breaker(attempt.model).record_success()

    def _breaker(self, model: str) -> CircuitBreaker:
        return self._breakers.setdefault(model, CircuitBreaker(clock=self._clock))


class _Attempt:
    """One request to one model with one key."""

    def __init__(self, request: ReplyRequest, *, model: str, key: str) -> None:
        self.model = model
        self.key = key
        self._request = request
        self._assembly = ReplyAssembly()
        self._stream: AsyncStream[ChatCompletionChunk] | None = None
        self._first_delta: TextDelta | None = None

    async def start(self) -> None:
        """Send the request and wait for its first token."""
        seconds = settings.OPENAI_FIRST_TOKEN_SECONDS
        try:
            async with self._translate_errors(seconds, late=ModelUnavailable):
                self._stream = await self._open_stream()
                while not self._assembly.has_begun:
                    await self._read_first(self._stream)
        except BaseException:
            await self.close()
            raise

    async def iterate_events(self) -> AsyncGenerator[ReplyEvent, None]:
        """Yield everything, the first token included."""
        if self._first_delta:
            yield self._first_delta
        while chunk := await self._next_chunk():
            if delta := self._assembly.read(chunk):
                yield delta
        for event in self._assembly.conclude():
            yield event

    async def close(self) -> None:
        """Release the connection; harmless when called twice."""
        if self._stream is not None:
            with suppress(httpx2.HTTPError):
                await self._stream.close()

    async def _read_first(self, stream: AsyncStream[ChatCompletionChunk]) -> None:
        chunk = await anext(stream, None)
        if chunk is None:
            raise ModelStreamBroken
        self._first_delta = self._assembly.read(chunk)

    async def _next_chunk(self) -> ChatCompletionChunk | None:
        if self._stream is None:
            return None
        is_whole = self._assembly.finish_reason is not None
        silence = TAIL_SECONDS if is_whole else settings.OPENAI_FIRST_TOKEN_SECONDS
        try:
            async with self._translate_errors(silence, late=ModelStreamBroken):
                return await anext(self._stream, None)
        except ModelError:
            if is_whole:
                return None
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

    async def _open_stream(self) -> AsyncStream[ChatCompletionChunk]:
        request = self._request
        return await _get_client(self.key).chat.completions.create(
            model=self.model,
            messages=[to_message_param(message) for message in request.messages],
            tools=[to_tool_param(tool) for tool in request.tools] or omit,
            max_completion_tokens=settings.OPENAI_MAX_COMPLETION_TOKENS,
            safety_identifier=request.safety_identifier or omit,
            prompt_cache_key=request.prompt_cache_key or omit,
            stream=True,
            stream_options={"include_usage": True},
            timeout=_timeout(read=settings.OPENAI_FIRST_TOKEN_SECONDS),
        )


async def moderate(text: str) -> ModerationVerdict | None:
    """Ask the moderation model about a text; None when it gives no verdict within 2 s."""
    key = key_ring().find_usable()
    if not settings.OPENAI_MODERATION_MODEL or key is None or not _moderation_breaker.allow():
        return None
    try:
        async with asyncio.timeout(MODERATION_SECONDS):
            verdict = await _fetch_verdict(text, key=key)
    except (TimeoutError, *UPSTREAM_ERRORS) as error:
        _moderation_breaker.record_failure()
        logger.warning("openai moderation gave no verdict: %s", type(error).__name__)
        return None
    _moderation_breaker.record_success()
    return verdict


async def complete(messages: Sequence[ChatMessage], *, seconds: float) -> str:
    """Return the small model's short reply, whole; raises `ModelError`, and never tries again."""
    key = key_ring().find_usable()
    if key is None or not _small_breaker.allow():
        raise ModelUnavailable
    try:
        async with asyncio.timeout(seconds):
            completion = await _get_client(key).chat.completions.create(
                model=settings.OPENAI_SMALL_MODEL,
                messages=[to_message_param(message) for message in messages],
                max_completion_tokens=MAX_SHORT_TOKENS,
                timeout=_timeout(read=seconds),
            )
        choice = completion.choices[0]
        text = clean_text(choice.message.content or "")
    except TimeoutError:
        _small_breaker.record_failure()
        raise ModelDeadlineExceeded from None
    except UPSTREAM_ERRORS as error:
        _small_breaker.record_failure()
        raise translate_error(error, begun=False) from None
    _small_breaker.record_success()
    if choice.finish_reason != "stop":
        raise ModelStreamBroken
    return text.strip()


async def close_clients() -> None:
    """Close the connections that the running event loop holds."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.close()


async def _fetch_verdict(text: str, *, key: str) -> ModerationVerdict:
    response = await _get_client(key).moderations.create(
        input=text,
        model=settings.OPENAI_MODERATION_MODEL,
        timeout=_timeout(read=MODERATION_SECONDS),
    )
    result = response.results[0]
    categories = result.categories.to_dict()
    return ModerationVerdict(
        flagged=bool(result.flagged),
        categories=tuple(name for name, applies in categories.items() if applies is True),
    )


def _get_client(key: str) -> AsyncOpenAI:
    """Return the client of this key and event loop: its connections can't cross loops."""
    base_url = settings.OPENAI_BASE_URL or DEFAULT_BASE_URL
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if (key, base_url) not in clients:
        clients[key, base_url] = AsyncOpenAI(
            api_key=key, base_url=base_url, max_retries=0, http_client=_make_http_client(base_url)
        )
    return clients[key, base_url]


def _make_http_client(base_url: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        # A key follows no redirect, and a local server is not reached through a proxy.
        follow_redirects=False,
        trust_env=not is_loopback(httpx2.URL(base_url).host),
        # The cap counts bytes on the wire: compressed ones could hold a thousand times more.
        headers={"Accept-Encoding": "identity"},
        event_hooks={"response": [_cap_response]},
    )


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine: such a server is not reached through a proxy."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _timeout(*, read: float) -> httpx2.Timeout:
    return httpx2.Timeout(read, connect=settings.OPENAI_CONNECT_SECONDS)


async def _cap_response(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _CappedStream(response.stream)


class _CappedStream(httpx2.AsyncByteStream):
    """A response body that ends in an error at the cap: the SDK reads a line of any length."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > MAX_RESPONSE_BYTES:
                raise httpx2.ReadError("response larger than the cap")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


def translate_error(error: Exception, *, begun: bool) -> ModelError:
    """Return what one of `UPSTREAM_ERRORS` means; `begun`: part of the answer was there."""
    if isinstance(error, APIStatusError):
        return translate_refusal(
            Refusal(
                status=error.status_code,
                code=str(error.code or ""),
                message=error.message,
                retry_after=error.response.headers.get("retry-after"),
                request_id=error.request_id,
            )
        )
    if isinstance(error, APIConnectionError | httpx2.HTTPError):
        return ModelStreamBroken() if begun else ModelUnavailable()
    if isinstance(error, APIError):
        code = str(error.code or "")
        return translate_refusal(Refusal(status=None, code=code, message=error.message))
    return ModelStreamBroken()


def _log_failure(error: ModelError, *, attempt: _Attempt) -> None:
    logger.warning(
        "openai attempt failed: %s model=%s key=%s",
        error,
        attempt.model,
        fingerprint(attempt.key),
    )
