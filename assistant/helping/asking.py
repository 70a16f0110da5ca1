"""Asks a model for one piece of help: prompt, budget, one retry, the reply as a checked value."""

import json
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from assistant.budget import Grant, Purpose, reserve
from assistant.helping.cases import Case
from assistant.helping.outcomes import BudgetSpent, Made, NeedsModel, Outcome
from assistant.prompt_library import Prompt, load_prompt
from assistant.spending import Spending, book
from core.background import in_database_thread
from llm.engines import complete
from llm.errors import ModelError, ModelStreamBroken
from llm.keys import key_ring
from llm.tiers import models_of
from llm.tokens import raw_tokens
from llm.types import ChatMessage, Tier

logger = logging.getLogger(__name__)
Reply = TypeVar("Reply", bound=BaseModel)
TRIES = 2
# Of one try: what is left is the other's, and the answer's way back.
TRY_SECONDS = 18.0
LEAST_SECONDS = 3.0
MAX_TOKENS = 700
ENGINE = "openai"


@dataclass(frozen=True, slots=True)
class _Request:
    """What is sent, however often it is tried."""

    messages: tuple[ChatMessage, ...]
    tier: Tier
    max_tokens: int
    schema: Mapping[str, object]


async def ask_model(
    case: Case,
    *,
    prompt: str,
    content: str,
    schema: type[Reply],
    tier: Tier = "small",
    max_tokens: int = MAX_TOKENS,
    restores: bool = True,
    **values: str,
) -> tuple[Reply, Made]:
    """Return the reply to ``content``, which must be redacted, and by what it was made.

    ``values`` fill in the prompt; the site's name is among them. With ``restores`` placeholders
    become the words that they stand for. Raises ``ModelError`` or ``NoHelp``.
    """
    if not key_ring().list_keys():
        raise NeedsModel
    rules = load_prompt(prompt)
    site = case.conversation.site.name
    messages = (
        ChatMessage("system", rules.render(structured=True, site=site, **values)),
        ChatMessage("user", content),
    )
    wanted = tier if models_of(tier) else "standard"
    grant = await in_database_thread(_reserve)(case, messages, wanted=wanted, max_tokens=max_tokens)
    if grant.tier is None or grant.reservation_pk is None:
        raise BudgetSpent
    request = _Request(messages, grant.tier, max_tokens, schema.model_json_schema())
    restore = case.redactor.restore_value if restores else None
    spent = Spending(grant)
    try:
        reply = await _tried(
            case, request, read=lambda text: _read(text, schema, restore=restore), spent=spent
        )
    finally:
        # However it ends: what a reply that could not be used cost is spent all the same.
        await book(spent)
    return reply, _made(spent, rules)


async def _tried(
    case: Case, request: _Request, *, read: Callable[[str], Reply], spent: Spending
) -> Reply:
    """Ask once, and once more where that may help; each reply is counted."""
    deadline = time.monotonic() + case.seconds
    for tries_left in reversed(range(TRIES)):
        try:
            completion = await complete(
                request.messages,
                seconds=min(TRY_SECONDS, deadline - time.monotonic() - 1.0),
                tier=request.tier,
                max_tokens=request.max_tokens,
                schema=request.schema,
            )
            spent.note(completion.usage)
            return read(completion.text)
        except ModelError as error:
            spent.note(error.usage)
            if not error.retryable or not tries_left or _is_late(deadline):
                raise
            logger.info("help %s tried again: %s", case.run.pk, error)
    raise AssertionError("the last try returns or raises")


async def or_without(
    work: Coroutine[Any, Any, Outcome], case: Case, *, without: Callable[[Case], Outcome]
) -> Outcome:
    """Return what a model makes of it, else what can honestly be had without one."""
    try:
        return await work
    except (NeedsModel, BudgetSpent):
        pass  # No failure: what is returned says that no model wrote it.
    except ModelError as error:
        logger.warning("help %s goes without the model: %s", case.run.pk, error)
    return await in_database_thread(without)(case)


def quoted(name: str, text: str) -> str:
    """Return data between marks, which the data itself can't close."""
    harmless = text.replace(f"</{name}", f"\u2039/{name}")
    return f"<{name}>\n{harmless}\n</{name}>"


def _is_late(deadline: float) -> bool:
    return deadline - time.monotonic() < LEAST_SECONDS


def _read(text: str, schema: type[Reply], *, restore: Callable[[Any], Any] | None) -> Reply:
    """Return the value in a reply; servers without schemas wrap JSON in words and fences."""
    start, end = text.find("{"), text.rfind("}")
    try:
        value = json.loads(text[start : end + 1])
        return schema.model_validate(restore(value) if restore else value)
    except (ValueError, ValidationError):
        raise ModelStreamBroken from None


def _reserve(
    case: Case, messages: tuple[ChatMessage, ...], *, wanted: Tier, max_tokens: int
) -> Grant:
    conversation = case.conversation
    purpose = Purpose(
        name="help",
        site_pk=conversation.site_id,
        customer_pk=conversation.customer_id,
        conversation_pk=conversation.pk,
    )
    tokens = sum(raw_tokens(message.content, model="") for message in messages)
    return reserve(purpose, wanted=wanted, prompt_tokens=tokens, max_completion_tokens=max_tokens)


def _made(spent: Spending, prompt: Prompt) -> Made:
    usages = spent.usages
    return Made(
        engine=ENGINE,
        model=usages[-1].model if usages else "",
        prompt_version=prompt.label,
        prompt_tokens=sum(usage.prompt_tokens for usage in usages),
        completion_tokens=sum(usage.completion_tokens for usage in usages),
        cost=spent.cost,
    )
