"""Replies by the chat completions API of OpenAI, or of a server that speaks its protocol."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Mapping, Sequence

from django.db import Error as DatabaseFailed
from openai import omit
from openai.types.chat import ChatCompletion

from core.background import in_database_thread
from llm.assembly import clean_text, read_usage
from llm.attempts import Attempt
from llm.breaker import SharedBreaker, breaker_of
from llm.capabilities import (
    Capabilities,
    capabilities_of,
    simpler,
    store_refusal,
    use_at_once,
)
from llm.connections import UPSTREAM_ERRORS, get_client, timeout, translate_error
from llm.errors import (
    ModelBadRequest,
    ModelContentFiltered,
    ModelDeadlineExceeded,
    ModelError,
    ModelTruncated,
    ModelUnavailable,
)
from llm.keys import KeyRing, fingerprint, key_ring
from llm.payload import to_message_param
from llm.recovery import NextStep, another_model_may_help, choose_recovery, counts_as_outage
from llm.structured import schema_format
from llm.tiers import models_of
from llm.types import ChatMessage, Completion, Finished, ReplyEvent, ReplyRequest, Tier

logger = logging.getLogger(__name__)


class OpenAIEngine:
    """Streams replies.

    Tries again before the first token only, then with the next key or the tier's next model:
    after an event was yielded nothing is ever repeated.
    """

    name = "openai"

    def __init__(self, *, keys: KeyRing | None = None) -> None:
        self._keys = keys or key_ring()

    async def stream_reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Stream one reply; raises `ModelError`."""
        attempt = await self._begin(request)
        breaker = breaker_of(attempt.model)
        try:
            async for event in attempt.iterate_events():
                if isinstance(event, Finished):
                    # Before the event: most readers leave at it.
                    await breaker.record_success()
                yield event
        except ModelError as error:
            _log_failure(error, model=attempt.model, key=attempt.key)
            if counts_as_outage(error):
                await breaker.record_failure()
            raise
        except GeneratorExit:
            # The reader left by choice while the upstream was answering.
            await breaker.record_success()
            raise
        finally:
            await attempt.close()

    async def _begin(self, request: ReplyRequest) -> Attempt:
        """Return an attempt that has its first token, of the first model that gives one."""
        refusal: ModelError = ModelUnavailable()
        for model in models_of(request.tier) or models_of("standard"):
            try:
                return await self._begin_with_model(request, model=model)
            except ModelError as error:
                if not another_model_may_help(error):
                    raise
                refusal = error
        raise refusal

    async def _begin_with_model(self, request: ReplyRequest, *, model: str) -> Attempt:
        breaker, retried = breaker_of(model), False
        asking = _Asking(model)
        while True:
            key = await self._find_key(breaker)
            attempt = Attempt(request, model=model, key=key, capabilities=asking.can)
            try:
                await attempt.start()
            except ModelError as error:
                await _note_failure(error, breaker=breaker, model=model, key=attempt.key)
                remaining = request.deadline - time.monotonic()
                recovery = choose_recovery(error, retried=retried, remaining=remaining)
                if recovery.step is NextStep.NEXT_KEY:
                    self._keys.set_aside(attempt.key, error=error)
                    continue
                if recovery.step is NextStep.SIMPLER and asking.simplify(error):
                    continue
                if recovery.step is not NextStep.RETRY:
                    raise
                retried = True
                await asyncio.sleep(random.uniform(*recovery.wait))  # noqa: S311 jitter, no secret
            else:
                self._keys.note_used(attempt.key)
                await _keep(asking, attempt)
                return attempt

    async def _find_key(self, breaker: SharedBreaker) -> str:
        key = self._keys.find_usable()
        if key is None:
            raise self._keys.get_refusal()
        if not await breaker.allow():
            raise ModelUnavailable
        return key


async def _keep(asking: "_Asking", attempt: Attempt) -> None:
    """Store what was refused; an open stream is never left behind."""
    try:
        await asking.keep()
    except BaseException:
        await attempt.close()
        raise


class _Asking:
    """What one model is asked for, while its server may still refuse parts of it."""

    def __init__(self, model: str) -> None:
        self.can = self._before = capabilities_of(model)
        self._model = model
        self._refused: list[str] = []

    def simplify(self, error: ModelError) -> bool:
        """Leave out what was refused; say whether anything is left out that was not before."""
        part = error.part if isinstance(error, ModelBadRequest) else ""
        found: Capabilities = simpler(self.can, part=part)
        if found == self.can:
            return False
        self.can = found
        self._refused.append(part)
        return True

    async def keep(self) -> None:
        """Remember what was refused, now that the rest was answered."""
        if not self._refused:
            return
        use_at_once(self._model, self.can)
        for part in self._refused:
            logger.warning("model %s is asked without %s", self._model, part or "any extra")
            try:
                await in_database_thread(store_refusal)(self._model, part=part, before=self._before)
            except DatabaseFailed as error:
                # This process remembers for a while; the next refusal is the next chance.
                logger.warning("capability not stored: %s", type(error).__name__)


async def complete(
    messages: Sequence[ChatMessage],
    *,
    seconds: float,
    tier: Tier,
    max_tokens: int,
    schema: Mapping[str, object] | None = None,
) -> Completion:
    """Return a short reply, whole; raises `ModelError`.

    Waits for nothing: a model that fails is followed by the tier's next one, within `seconds`.
    """
    deadline = time.monotonic() + seconds
    refusal: ModelError = ModelUnavailable()
    for model in models_of(tier):
        try:
            return await _complete_with_model(
                model, messages, deadline=deadline, max_tokens=max_tokens, schema=schema
            )
        except ModelError as error:
            if not another_model_may_help(error) or time.monotonic() > deadline:
                raise
            refusal = error
    raise refusal


async def _complete_with_model(
    model: str,
    messages: Sequence[ChatMessage],
    *,
    deadline: float,
    max_tokens: int,
    schema: Mapping[str, object] | None,
) -> Completion:
    """Ask one model, with the next key as long as one is refused."""
    breaker, keys = breaker_of(model), key_ring()
    while (key := keys.find_usable()) is not None:
        if not await breaker.allow():
            raise ModelUnavailable
        try:
            completion = await _ask(
                model, messages, key=key, deadline=deadline, max_tokens=max_tokens, schema=schema
            )
        except ModelError as error:
            await _note_failure(error, breaker=breaker, model=model, key=key)
            step = choose_recovery(error, retried=True, remaining=0).step
            if step is NextStep.NEXT_KEY:
                keys.set_aside(key, error=error)
            elif step is NextStep.SIMPLER and schema is not None:
                # The caller reads plain text too, and this schema alone may be at fault.
                schema = None
            else:
                raise
            continue
        await breaker.record_success()
        keys.note_used(key)
        return completion
    raise keys.get_refusal()


async def _ask(
    model: str,
    messages: Sequence[ChatMessage],
    *,
    key: str,
    deadline: float,
    max_tokens: int,
    schema: Mapping[str, object] | None,
) -> Completion:
    can_structure = schema is not None and capabilities_of(model).structured_output
    seconds = deadline - time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            completion = await get_client(key).chat.completions.create(
                model=model,
                messages=[to_message_param(message) for message in messages],
                max_completion_tokens=max_tokens,
                response_format=schema_format(schema) if schema and can_structure else omit,
                timeout=timeout(read=max(0.1, seconds)),
            )
        return _read(completion)
    except TimeoutError:
        raise ModelDeadlineExceeded from None
    except UPSTREAM_ERRORS as error:
        raise translate_error(error, begun=False) from None


def _read(completion: ChatCompletion) -> Completion:
    choice = completion.choices[0]
    text = clean_text(choice.message.content or "").strip()
    told = completion.usage
    usage = read_usage(told.to_dict(), model=completion.model) if told else None
    if choice.finish_reason != "stop":
        is_filtered = choice.finish_reason == "content_filter"
        error: ModelError = ModelContentFiltered() if is_filtered else ModelTruncated()
        error.usage = usage
        raise error
    return Completion(text, usage)


async def _note_failure(error: ModelError, *, breaker: SharedBreaker, model: str, key: str) -> None:
    _log_failure(error, model=model, key=key)
    if counts_as_outage(error):
        await breaker.record_failure()
    elif not isinstance(error, ModelDeadlineExceeded):
        # A refusal is an answer: it ends a probe.
        await breaker.record_success()


def _log_failure(error: ModelError, *, model: str, key: str) -> None:
    logger.warning("openai attempt failed: %s model=%s key=%s", error, model, fingerprint(key))
