"""Writes an answer: engines in their order, previews, held-back pieces, one draft at the end."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.conf import settings

from assistant.actions import Proposal
from assistant.asking_back import is_brief_question
from assistant.drafts import Draft, Job, citation_of
from assistant.guardrails import cited_passages
from assistant.leaks import check_leaks
from assistant.output_guard import OutputGuard, OutputViolation, ViolationKind
from assistant.planning import Answer, PassOn
from assistant.preparing import Prepared, safety_identifier, shortened
from assistant.prompt_library import canary
from assistant.recording import Recorder, describe_prompt, describe_reply
from assistant.redaction import StreamRestorer
from assistant.replies import Reply
from assistant.streaming import Preview
from assistant.tools.toolbox import MAX_ROUNDS, Round
from conversations.models import Message
from core.background import in_database_thread
from escalation.models import HandOff
from llm.engines import HAND_OFF_TOOL, extractive_engine
from llm.errors import (
    ModelContentFiltered,
    ModelContextTooLong,
    ModelDeadlineExceeded,
    ModelError,
    ModelStreamBroken,
)
from llm.extractive import quoted_passages
from llm.tiers import models_of
from llm.tokens import observe
from llm.types import (
    ChatMessage,
    Engine,
    Finished,
    ReplyRequest,
    SourcePassage,
    TextDelta,
    ToolCallRequest,
    Usage,
    Verdict,
)

logger = logging.getLogger(__name__)
Reason = HandOff.Reason
TURN_SECONDS = 60.0
# What is left of the deadline for the closing transaction and, if need be, the relay.
RESERVE_SECONDS = 5.0
CHARACTERS_PER_TOKEN = 4

# What ends in a person when an answer broke a rule; for anything else the articles are quoted.
PASS_ON_AT: Mapping[ViolationKind, tuple[HandOff.Reason, str]] = {
    "canary": (Reason.LOW_CONFIDENCE, "The answer repeated its instructions"),
    "instructions": (Reason.LOW_CONFIDENCE, "The answer repeated its instructions"),
    "personal": (Reason.LOW_CONFIDENCE, "The answer held personal data of others"),
    "promise": (Reason.MUST_NOT_DECIDE, "The answer promised what only a person may"),
}
ONLY_AGAIN = PassOn(
    reason=Reason.LOW_CONFIDENCE,
    detail="The same words would be said again",
    customer_text="I can only repeat what I said above, so I'm passing you to a person.",
)
REASON_OF_TOOL = {
    "asked_for_person": Reason.ASKED_FOR_PERSON,
    "must_not_decide": Reason.MUST_NOT_DECIDE,
}


class Writer:
    """One turn's attempts; at most one preview is open at any time.

    ``usages`` grows by what each of them used, those that come to nothing too.
    """

    def __init__(
        self,
        plan: Answer,
        job: Job,
        *,
        prepared: Prepared,
        recorder: Recorder,
        usages: list[Usage],
    ) -> None:
        self.plan, self.job = plan, job
        self._prepared = prepared
        self.preview = self._open_preview(job.claim.attempt * 10 if job.claim else 0)
        self._recorder = recorder
        self._deadline = min(time.monotonic() + TURN_SECONDS, job.deadline - RESERVE_SECONDS)
        self._error = ""
        self._asked_model = self._model_failed = False
        self._usages = usages
        self._tool_results: list[str] = []

    async def write(self) -> Draft:
        """Return a draft from the first engine that ends one; never raises ``ModelError``."""
        for engine in self._engines():
            try:
                with self._recorder.step(f"write ({engine.name})"):
                    return await self._attempt(engine)
            except ModelContentFiltered:
                return self._withdraw(PassOn(Reason.FLAGGED, "The model refused the content"))
            except ModelError as error:
                # The type and status only: an upstream's body never reaches a log.
                logger.warning("%s: %s: %s", self._name, engine.name, error)
                self._error, self._model_failed = error.code, True
                self._recorder.add("attempts", {"engine": engine.name, "error": error.code})
                self._restart("retry")
            except OutputViolation as violation:
                self._error = violation.kind
                self._recorder.add("guard", {"kind": violation.kind, "detail": violation.detail})
                pass_on = PASS_ON_AT.get(violation.kind)
                if pass_on is not None:
                    return self._withdraw(PassOn(*pass_on))
                # An invention or a strange link: the articles' own words are the better answer.
                self._restart("withdrawn")
        unavailable = Reason.MODEL_UNAVAILABLE if self._model_failed else Reason.LOW_CONFIDENCE
        return self._passed_on(PassOn(reason=unavailable))

    def flag(self, draft: Draft, pass_on: PassOn | None) -> Draft:
        """Let people have what the moderation flagged, whatever was written."""
        if pass_on is None or draft.pass_on is not None:
            return draft
        self.preview.end("withdrawn")
        return replace(draft, pass_on=pass_on)

    @property
    def _all_passages(self) -> tuple[SourcePassage, ...]:
        """What was found, whether or not it all fitted into the prompt."""
        return self._prepared.material.passages

    @property
    def _tier_reason(self) -> str:
        choice, grant = self._prepared.choice, self._prepared.grant
        return f"{choice.reason}; {grant.reason}" if grant.reason else choice.reason

    @property
    def _policy(self) -> str:
        """The instructions that no answer may repeat."""
        messages = self._prepared.context.messages
        return messages[0].content if messages else ""

    @property
    def _name(self) -> str:
        """The turn as logs name it."""
        return f"turn {self.job.claim.turn_pk}" if self.job.claim else "trial"

    def _engines(self) -> Sequence[Engine]:
        local = extractive_engine()
        if self.plan.otherwise is not None:
            return [self._prepared.engine]
        # A second try only pays after a stream broke; other errors were retried inside.
        return [self._prepared.engine, local] if self._prepared.asks_model else [local]

    def _restart(self, reason: str) -> None:
        self.preview.end(reason)
        self.preview = self._open_preview(self.preview.attempt + 1)

    def _open_preview(self, attempt: int) -> Preview:
        """Return a preview; hidden until a tool was heard, where the articles hold too little."""
        is_hidden = self.plan.otherwise is not None and not self._prepared.toolbox.was_heard
        return Preview(None if is_hidden else self.job.claim, attempt=attempt)

    async def _attempt(self, engine: Engine) -> Draft:
        self._asked_model = self._asked_model or engine.name != "extractive"
        try:
            return await self._stream(engine)
        except ModelContextTooLong:
            # Once more without what was said before; the question stands for itself.
            self._prepared = await in_database_thread(shortened)(self._prepared)
            self._recorder.note(**describe_prompt(self._prepared.context))
            return await self._stream(engine)
        except ModelStreamBroken as error:
            if time.monotonic() > self._deadline:
                raise
            self._error, self._model_failed = error.code, True
            self._restart("retry")
            return await self._stream(engine)

    async def _stream(self, engine: Engine) -> Draft:
        """Stream one reply, with the rounds of tool calls that come before its text."""
        messages = self._prepared.context.messages
        self._tool_results = []
        for is_last in (*[False] * MAX_ROUNDS, True):
            reply = await self._read(engine, self._request(messages, with_tools=not is_last))
            own = [call for call in reply.calls if call.name != HAND_OFF_TOOL.name]
            if is_last or not own or len(own) < len(reply.calls):
                break
            self._restart("retry")
            round_ = await self._tool_round(own)
            if round_.proposal is not None:
                return self._ask_to_confirm(engine, round_.proposal)
            messages += round_.messages
        return self._conclude(engine, reply)

    async def _read(self, engine: Engine, request: ReplyRequest) -> Reply:
        reply = Reply(self._guard(engine), StreamRestorer(self._prepared.redactor))
        told, is_read = len(self._usages), False
        try:
            await self._follow(engine, request, reply)
        except (asyncio.CancelledError, ModelDeadlineExceeded, ModelStreamBroken):
            # The request was taken, and its prompt read.
            is_read = True
            raise
        finally:
            is_counted = len(self._usages) > told or engine.name == "extractive"
            if (reply.received or is_read) and not is_counted:
                self._usages.append(self._estimate(reply))
            if engine.name != "extractive":
                received = describe_reply(reply, redact=self._prepared.redactor.redact)
                self._recorder.add("received", *received)
        if not told and self._usages:
            # Of the first request alone it is known how long it was taken to be.
            used = self._usages[0]
            observe(used.model, estimated=self._prepared.context.tokens, real=used.prompt_tokens)
        self.preview.add(reply.finish())
        return reply

    async def _follow(self, engine: Engine, request: ReplyRequest, reply: Reply) -> None:
        """Take the events in and show what may be shown."""
        async with contextlib.aclosing(engine.stream_reply(request)) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        self.preview.add(reply.feed(text))
                    case ToolCallRequest():
                        reply.calls.append(event)
                    case Verdict():
                        reply.verdict = event
                    case Usage():
                        self._usages.append(event)
                    case Finished("length"):
                        # Half a sentence is no answer; the articles' own words are.
                        raise ModelStreamBroken
                    case Finished("content_filter"):
                        raise ModelContentFiltered
                    case Finished():
                        reply.mean_logprob = event.mean_logprob
                        break

    def _estimate(self, reply: Reply) -> Usage:
        """Return what a reply is billed that broke off, or whose server does not count."""
        model = (models_of(self._prepared.tier) or models_of("standard"))[0]
        completion = max(1, len(reply.received) // CHARACTERS_PER_TOKEN)
        return Usage(model, self._prepared.context.tokens, completion, cached_tokens=0)

    def _guard(self, engine: Engine) -> OutputGuard:
        prepared = self._prepared
        company = [
            message.text
            for message in self.plan.reading.earlier
            if message.author_kind != Message.Author.CUSTOMER
        ]
        is_quoting = engine.name == "extractive"
        guard = OutputGuard(
            canary=canary(),
            instructions=self._policy,
            passages=self._all_passages,
            said=[*self._tool_results, *company],
            # What the company wrote itself, it may promise.
            rules=() if is_quoting else prepared.rules,
            known_personal=prepared.redactor.known,
            hold_sentences=prepared.hold_sentences and not is_quoting,
            link_hosts=self.plan.conversation.site.link_hosts,
        )
        guard.may_ask = self._may_ask and not is_quoting
        return guard

    async def _tool_round(self, calls: Sequence[ToolCallRequest]) -> Round:
        """Run the calls; what they brought is something that an answer may say."""
        seconds = self._deadline - time.monotonic()
        round_ = await self._prepared.toolbox.run(calls, seconds=seconds)
        self._tool_results += map(self._prepared.redactor.restore, round_.results)
        self.preview = self._open_preview(self.preview.attempt)
        return round_

    def _ask_to_confirm(self, engine: Engine, proposal: Proposal) -> Draft:
        """End the reply with the card of what will happen: nothing has, before the click."""
        # The model filled in the arguments that the card shows.
        check_leaks(proposal.text, canary=canary(), instructions=self._policy)
        outline = replace(self._outline(), by_tool=True, engine=engine.name)
        return replace(outline, text=proposal.text, card=proposal.call_pk)

    def _conclude(self, engine: Engine, reply: Reply) -> Draft:
        text = self.preview.text.strip()
        wish = reply.wish
        if wish is not None or not text:
            self.preview.end("withdrawn")
            return self._passed_on(self._reason_of(wish or {}, engine), engine=engine, reply=reply)
        if engine.name == "extractive":
            if self._was_said(text):
                return self._withdraw(ONLY_AGAIN, reply=reply)
            cited: Sequence[SourcePassage] = quoted_passages(text, passages=self._all_passages)
            return self._drafted(engine, reply, text=text, citations=cited)
        cited = self._cited(text, reply=reply)
        share = reply.guard.groundedness
        draft = self._drafted(engine, reply, text=text, citations=cited, groundedness=share)
        return replace(draft, asks=self._may_ask and is_brief_question(text))

    @property
    def _may_ask(self) -> bool:
        """Whether the model may ask for what a tool needs."""
        return bool(self._prepared.toolbox.tools)

    def _drafted(
        self,
        engine: Engine,
        reply: Reply,
        *,
        text: str,
        citations: Sequence[SourcePassage],
        groundedness: float | None = None,
    ) -> Draft:
        return replace(
            self._outline(reply),
            text=text,
            citations=tuple(citation_of(passage) for passage in citations),
            engine=engine.name,
            groundedness=groundedness,
        )

    def _outline(self, reply: Reply | None = None) -> Draft:
        """Return what every draft says, however the writing ended."""
        return Draft(
            tier=self._prepared.tier if self._asked_model else "",
            # Without a model it says why: nothing is left of a budget.
            tier_reason=self._tier_reason
            if self._asked_model or self._prepared.grant.reason
            else "",
            prompt_version=self._prepared.material.prompt.label if self._asked_model else "",
            usages=tuple(self._usages),
            verdict=reply.verdict if reply else None,
            mean_logprob=reply.mean_logprob if reply else None,
            by_tool=self._prepared.toolbox.was_heard,
            summary_due=self._prepared.tier if self._prepared.context.wants_summary else None,
            error_code=self._error,
        )

    def _cited(self, text: str, *, reply: Reply) -> Sequence[SourcePassage]:
        """Return the passages that the model named; one that was not offered is dropped."""
        offered = self._prepared.context.passages
        # What a tool said has no article for its source, unless the model names one.
        guessed_from = () if self._prepared.toolbox.was_heard else offered
        if reply.verdict is None:
            marks = reply.guard.cited
            return cited_passages(text, marks=marks, passages=offered if marks else guessed_from)
        by_name = {f"p{number}": passage for number, passage in enumerate(offered, start=1)}
        named = dict.fromkeys(name.strip().casefold() for name in reply.verdict.citations)
        known = [by_name[name] for name in named if name in by_name]
        self._recorder.note(citations_dropped=len(named) - len(known))
        return known or cited_passages(text, marks=(), passages=guessed_from)

    def _was_said(self, text: str) -> bool:
        """Whether an answer repeats word for word what the customer was told before."""
        return any(
            message.text == text
            for message in self.plan.reading.earlier
            if message.author_kind == Message.Author.ASSISTANT
        )

    def _reason_of(self, wish: Mapping[str, object], engine: Engine) -> PassOn:
        reason = REASON_OF_TOOL.get(str(wish.get("reason")), Reason.LOW_CONFIDENCE)
        if engine.name == "extractive" and self._model_failed:
            # The model failed and the articles alone don't hold it: not the customer's fault.
            reason = Reason.MODEL_UNAVAILABLE
        detail = self._prepared.redactor.restore(str(wish.get("detail") or ""))
        return PassOn(reason=reason, detail=detail[:300])

    def _withdraw(self, pass_on: PassOn, *, reply: Reply | None = None) -> Draft:
        self.preview.end("withdrawn")
        return self._passed_on(pass_on, reply=reply)

    def _passed_on(
        self, pass_on: PassOn, *, engine: Engine | None = None, reply: Reply | None = None
    ) -> Draft:
        outline = self._outline(reply)
        return replace(outline, pass_on=pass_on, engine=engine.name if engine else "")

    def _request(self, messages: tuple[ChatMessage, ...], *, with_tools: bool) -> ReplyRequest:
        return ReplyRequest(
            messages=messages,
            passages=self._all_passages,
            question=self.plan.looked_up,
            deadline=self._deadline,
            tools=(HAND_OFF_TOOL, *(self._prepared.toolbox.specs if with_tools else ())),
            locale=self.plan.reading.language,
            safety_identifier=safety_identifier(self.plan.conversation.customer),
            prompt_cache_key=f"{settings.REDIS_PREFIX}:{self.plan.conversation.site.key}",
            tier=self._prepared.tier,
            wants_verdict=self._prepared.structured,
        )
