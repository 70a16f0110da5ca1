"""Gathers what an answer is written with: tools, memory, tier, then budget and prompt.

Off the event loop: it reads rows and counts tokens. The budget's reservation is all it writes.
"""

import hashlib
from dataclasses import dataclass, replace

from django.conf import settings

from assistant.budget import Grant, reserve, settle
from assistant.cache import cache_key, stands_alone
from assistant.context import Context, Material, build_context, shorten
from assistant.drafts import Job
from assistant.input_checks import injection_signals
from assistant.memory import history_of, recall, redactor_of
from assistant.output_rules import output_rules_of
from assistant.planning import Answer, purpose_of
from assistant.promises import OutputRule
from assistant.prompt_library import load_prompt
from assistant.redaction import Redactor
from assistant.routing import TierChoice, TurnFacts, count_parts, find_tier
from assistant.sources import source_passages
from assistant.tools.toolbox import MAX_ROUNDS, Toolbox, open_toolbox
from conversations.models import Customer
from llm.engines import choose_engine, extractive_engine, wants_structure
from llm.tiers import models_of
from llm.types import Engine, Tier

ANSWER = "answer"
NO_MODEL = TierChoice("small", "no model is asked")
NO_CONTEXT = Context(
    messages=(), tokens=0, shares={}, left_out={}, passages=(), wants_summary=False
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that an answer is written with.

    ``context`` is the prompt made of ``material``; empty where only the articles are quoted, and
    before ``grant``, which says what the budget allows; its reservation is to be settled.
    """

    engine: Engine
    material: Material
    toolbox: Toolbox
    redactor: Redactor
    rules: tuple[OutputRule, ...]
    signals: tuple[str, ...]
    hold_sentences: bool
    choice: TierChoice = NO_MODEL
    grant: Grant = Grant(None)  # noqa: RUF009 - frozen
    context: Context = NO_CONTEXT
    structured: bool = False
    cache_key: str = ""

    @property
    def tier(self) -> Tier:
        """The tier that is asked: the chosen one, or what is left of the budget."""
        return self.grant.tier or self.choice.tier

    @property
    def asks_model(self) -> bool:
        """Whether a model writes the answer, and not only the engine that quotes."""
        return self.engine is not extractive_engine() and self.grant.tier is not None

    @property
    def may_call_tools(self) -> bool:
        """Whether a model is asked that may call any."""
        return self.asks_model and bool(self.toolbox.tools)


def prepare(plan: Answer, job: Job) -> Prepared:
    """Return what the answer to a plan is written with, but for the model's prompt."""
    prepared = _without_model(plan, job)
    if prepared.engine is extractive_engine():
        return prepared
    choice = find_tier(plan.conversation.site, _facts(plan, prepared))
    # A trial is there to see what would be written.
    key = "" if job.is_trial else _cache_key(plan, prepared)
    return replace(prepared, choice=choice, cache_key=key)


def granted(plan: Answer, job: Job, prepared: Prepared) -> Prepared:
    """Return the same with the prompt, and with what the budget holds for asking a model."""
    if prepared.engine is extractive_engine():
        return prepared
    choice = prepared.choice
    prepared = _in_tier(prepared, choice.tier)
    grant = reserve(
        purpose_of(plan.conversation, "answer", turn_pk=job.claim.turn_pk if job.claim else None),
        wanted=choice.tier,
        prompt_tokens=prepared.context.tokens,
        max_completion_tokens=settings.OPENAI_MAX_COMPLETION_TOKENS,
        rounds=1 + MAX_ROUNDS if prepared.toolbox.tools else 1,
    )
    if grant.tier is None or grant.tier == choice.tier:
        return replace(prepared, grant=grant)
    try:
        return replace(_in_tier(prepared, grant.tier), grant=grant)
    except BaseException:
        # Nobody is left who would settle it.
        settle(grant.reservation_pk or 0, ())
        raise


def shortened(prepared: Prepared) -> Prepared:
    """Return the same with a prompt that is as short as it can be."""
    return _in_tier(replace(prepared, material=shorten(prepared.material)), prepared.tier)


def _without_model(plan: Answer, job: Job) -> Prepared:
    site = plan.conversation.site
    redactor = redactor_of(plan.conversation)
    signals = injection_signals(plan.reading.question)
    toolbox = open_toolbox(
        plan.conversation, turn_pk=job.claim.turn_pk if job.claim else None, redactor=redactor
    )
    if signals:
        # Caution only: the click protects what has an effect, with or without this.
        toolbox.tools = {name: one for name, one in toolbox.tools.items() if not one.is_write}
    return Prepared(
        engine=extractive_engine() if job.is_last_resort else job.engine or choose_engine(),
        material=_material(plan, job),
        toolbox=toolbox,
        redactor=redactor,
        rules=output_rules_of(site.pk),
        signals=signals,
        hold_sentences=site.hold_sentences or bool(signals),
    )


def _in_tier(prepared: Prepared, tier: Tier) -> Prepared:
    """Return the same with the prompt for a tier."""
    structured = wants_structure(tier)
    context = build_context(
        prepared.material,
        tier=tier,
        structured=structured,
        model=(models_of(tier) or models_of("standard"))[0],
        tools=prepared.toolbox.specs,
        redact=prepared.redactor.redact,
    )
    return replace(prepared, context=context, structured=structured)


def _facts(plan: Answer, prepared: Prepared) -> TurnFacts:
    # How sure the articles are says nothing of a question that is left to the tools.
    confidence = plan.judgement.confidence or 0.0 if plan.otherwise is None else 1.0
    return TurnFacts(
        task=ANSWER,
        words=len(plan.question.split()),
        parts=count_parts(plan.question),
        confidence=confidence,
        needs_tools=bool(prepared.toolbox.tools),
        plan=prepared.material.records.get("Plan", ""),
    )


def _cache_key(plan: Answer, prepared: Prepared) -> str:
    """Return the key of an answer that anybody may be given, "" where none may."""
    material = prepared.material
    is_personal = bool(material.records or material.learnt or material.summaries)
    is_plain = plan.otherwise is None and stands_alone(plan)
    prepared.redactor.redact(plan.question)
    if is_personal or prepared.redactor.known or prepared.signals or not is_plain:
        return ""
    return cache_key(plan, prompt_version=material.prompt.label, rules=prepared.rules)


def _material(plan: Answer, job: Job) -> Material:
    site = plan.conversation.site
    memory = recall(plan.conversation)
    return Material(
        site_name=site.name,
        prompt=load_prompt(ANSWER, job.prompt_version or site.prompt_version),
        question=plan.question,
        passages=source_passages(plan.retrieval.passages),
        history=history_of(plan.reading.earlier),
        records=memory.records,
        learnt=memory.learnt,
        summaries=memory.summaries,
    )


def safety_identifier(customer: Customer) -> str:
    """Return a hash that stands for the customer upstream; the id itself never leaves."""
    key = f"customer:{customer.public_id}:{settings.SECRET_KEY}"
    return hashlib.sha256(key.encode()).hexdigest()
