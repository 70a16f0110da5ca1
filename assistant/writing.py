"""Writes an answer: engines in their order, previews, held-back pieces, one draft at the end."""

import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from assistant.claims import Claim
from assistant.guardrails import MIN_GROUNDED, cited_passages, groundedness
from assistant.planning import Answer, PassOn
from assistant.prompt import canary, prompt_messages, safety_identifier, source_passages
from assistant.release import CanaryLeaked, Release
from assistant.streaming import Preview
from escalation.models import HandOff
from llm.engines import HAND_OFF_TOOL, choose_engine, extractive_engine
from llm.errors import ModelError, ModelStreamBroken
from llm.types import (
    Engine,
    Finished,
    ReplyRequest,
    SourcePassage,
    TextDelta,
    ToolCallRequest,
    Usage,
)

logger = logging.getLogger(__name__)
Reason = HandOff.Reason
TURN_SECONDS = 60.0
# What is left of the deadline for the closing transaction and, if need be, the relay.
RESERVE_SECONDS = 5.0

REASON_OF_TOOL = {
    "asked_for_person": Reason.ASKED_FOR_PERSON,
    "must_not_decide": Reason.MUST_NOT_DECIDE,
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole answer that passed its checks, or the hand-off that takes its place."""

    text: str = ""
    citations: tuple[SourcePassage, ...] = ()
    pass_on: PassOn | None = None
    engine: str = ""
    usage: Usage | None = None
    error_code: str = ""


class Writer:
    """One turn's attempts; at most one preview is open at any time."""

    def __init__(self, claim: Claim, plan: Answer) -> None:
        self.claim, self.plan = claim, plan
        self.passages = source_passages(plan.retrieval.passages)
        self.preview = Preview(claim, attempt=claim.attempt * 10)
        self._deadline = time.monotonic() + min(TURN_SECONDS, claim.seconds_left - RESERVE_SECONDS)
        self._error = ""

    async def write(self) -> Draft:
        """Return a draft from the first engine that ends one; never raises ``ModelError``."""
        for engine in self._engines():
            try:
                return await self._attempt(engine)
            except ModelError as error:
                # The type and status only: an upstream's body never reaches a log.
                logger.warning("turn %s: %s: %s", self.claim.turn_pk, engine.name, error)
                self._error = error.code
                self._restart("retry")
            except CanaryLeaked:
                return self._withdraw("The answer repeated its instructions", code="canary")
        return self._passed_on(
            PassOn(reason=Reason.MODEL_UNAVAILABLE, confidence=self.plan.confidence)
        )

    def _engines(self) -> Sequence[Engine]:
        chosen, local = choose_engine(), extractive_engine()
        if self.claim.is_last_resort or chosen is local:
            return [local]
        # A second try only pays after a stream broke; other errors were retried inside.
        return [chosen, local]

    def _restart(self, reason: str) -> None:
        self.preview.end(reason)
        self.preview = Preview(self.claim, attempt=self.preview.attempt + 1)

    async def _attempt(self, engine: Engine) -> Draft:
        try:
            return await self._stream(engine)
        except ModelStreamBroken as error:
            if time.monotonic() > self._deadline:
                raise
            self._error = error.code
            self._restart("retry")
            return await self._stream(engine)

    async def _stream(self, engine: Engine) -> Draft:
        release = Release(canary=canary())
        usage: Usage | None = None
        call: ToolCallRequest | None = None
        async with contextlib.aclosing(engine.stream_reply(self._request())) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        self.preview.add(release.feed(text))
                    case ToolCallRequest():
                        call = event
                    case Usage():
                        usage = event
                    case Finished():
                        break
        self.preview.add(release.finish())
        return self._conclude(engine, release=release, usage=usage, call=call)

    def _conclude(
        self, engine: Engine, *, release: Release, usage: Usage | None, call: ToolCallRequest | None
    ) -> Draft:
        text = self.preview.text.strip()
        if call is not None or not text:
            self.preview.end("withdrawn")
            return self._passed_on(self._reason_of(call, engine), engine=engine, usage=usage)
        if engine.name != "extractive" and not self._is_grounded(text):
            return self._withdraw("The answer was not covered by the articles", code="ungrounded")
        cited = cited_passages(text, marks=release.cited, passages=self.passages)
        return Draft(
            text=text,
            citations=tuple(cited),
            engine=engine.name,
            usage=usage,
            error_code=self._error,
        )

    def _is_grounded(self, text: str) -> bool:
        share = groundedness(text, passages=self.passages, question=self.plan.question)
        return share >= MIN_GROUNDED

    def _reason_of(self, call: ToolCallRequest | None, engine: Engine) -> PassOn:
        arguments = call.arguments if call is not None else {}
        reason = REASON_OF_TOOL.get(str(arguments.get("reason")), Reason.LOW_CONFIDENCE)
        if engine.name == "extractive" and self._error:
            # The model failed and the articles alone don't hold it: not the customer's fault.
            reason = Reason.MODEL_UNAVAILABLE
        return PassOn(
            reason=reason,
            detail=str(arguments.get("detail") or "")[:300],
            confidence=self.plan.confidence,
        )

    def _withdraw(self, detail: str, *, code: str) -> Draft:
        self.preview.end("withdrawn")
        self._error = code
        return self._passed_on(
            PassOn(reason=Reason.LOW_CONFIDENCE, detail=detail, confidence=self.plan.confidence)
        )

    def _passed_on(
        self, pass_on: PassOn, *, engine: Engine | None = None, usage: Usage | None = None
    ) -> Draft:
        return Draft(
            pass_on=pass_on,
            engine=engine.name if engine else "",
            usage=usage,
            error_code=self._error,
        )

    def _request(self) -> ReplyRequest:
        return ReplyRequest(
            messages=prompt_messages(self.plan),
            passages=self.passages,
            question=self.plan.question,
            deadline=self._deadline,
            tools=(HAND_OFF_TOOL,),
            locale=self.plan.conversation.locale,
            safety_identifier=safety_identifier(self.plan),
            prompt_cache_key=f"{settings.REDIS_PREFIX}:{self.plan.conversation.site.key}",
        )
