"""Gathers what an answer is written with: tools, prompt, memory. Reads only; off the event loop."""

import hashlib
from dataclasses import dataclass, replace

from django.conf import settings

from assistant.context import Context, Material, build_context, shorten
from assistant.drafts import Job
from assistant.memory import history_of, recall, redactor_of
from assistant.planning import Answer
from assistant.promises import DEFAULT_OUTPUT_RULES, OutputRule
from assistant.prompt_library import load_prompt
from assistant.redaction import Redactor
from assistant.sources import source_passages
from assistant.tools.toolbox import Toolbox, open_toolbox
from conversations.models import Customer
from llm.types import Tier

ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that an answer is written with; ``context`` is the prompt made of it."""

    material: Material
    context: Context
    tier: Tier
    structured: bool
    toolbox: Toolbox
    redactor: Redactor
    rules: tuple[OutputRule, ...]
    hold_sentences: bool


def prepare(plan: Answer, job: Job) -> Prepared:
    """Return what the answer to a plan is written with."""
    site = plan.conversation.site
    turn_pk = job.claim.turn_pk if job.claim else None
    redactor = redactor_of(plan.conversation)
    toolbox = open_toolbox(plan.conversation, turn_pk=turn_pk, redactor=redactor)
    material = _material(plan, job)
    tier: Tier = "standard"
    structured = False
    return Prepared(
        material=material,
        context=_context(
            material, tier=tier, structured=structured, toolbox=toolbox, redactor=redactor
        ),
        tier=tier,
        structured=structured,
        toolbox=toolbox,
        redactor=redactor,
        rules=DEFAULT_OUTPUT_RULES,
        hold_sentences=site.hold_sentences,
    )


def shortened(prepared: Prepared) -> Prepared:
    """Return the same with a prompt that is as short as it can be."""
    material = shorten(prepared.material)
    context = _context(
        material,
        tier=prepared.tier,
        structured=prepared.structured,
        toolbox=prepared.toolbox,
        redactor=prepared.redactor,
    )
    return replace(prepared, material=material, context=context)


def _context(
    material: Material, *, tier: Tier, structured: bool, toolbox: Toolbox, redactor: Redactor
) -> Context:
    return build_context(
        material,
        tier=tier,
        structured=structured,
        model=settings.OPENAI_MODELS[0],
        tools=toolbox.specs,
        redact=redactor.redact,
    )


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
