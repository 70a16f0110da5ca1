"""Asks a model for one piece of help: prompt, budget, one retry, the reply as a checked value."""

import json
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from assistant.budget import reserve_model_turn
from assistant.helping.cases import Case
from assistant.helping.outcomes import BudgetSpent, Made, NeedsModel, Outcome
from assistant.prompt_library import Prompt, load_prompt
from core.background import in_database_thread
from llm.engines import complete
from llm.errors import ModelError, ModelStreamBroken
from llm.keys import key_ring
from llm.types import ChatMessage, Completion, Tier

logger = logging.getLogger(__name__)
Reply = TypeVar("Reply", bound=BaseModel)
TRIES = 2
# Of one try: what is left is the other's, and the answer's way back.
TRY_SECONDS = 18.0
LEAST_SECONDS = 3.0
MAX_TOKENS = 700
ENGINE = "openai"


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
    messages = (
        ChatMessage(
            "system", rules.render(structured=True, site=case.conversation.site.name, **values)
        ),
        ChatMessage("user", content),
    )
    restore = case.redactor.restore_value if restores else None
    deadline = time.monotonic() + case.seconds
    for tries_left in reversed(range(TRIES)):
        if not await in_database_thread(reserve_model_turn)():
            raise BudgetSpent
        left = min(TRY_SECONDS, deadline - time.monotonic() - 1.0)
        try:
            completion = await complete(
                messages,
                seconds=left,
                tier=tier,
                max_tokens=max_tokens,
                schema=schema.model_json_schema(),
            )
            return _read(completion.text, schema, restore=restore), _made(completion, rules)
        except ModelError as error:
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
        pass
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


def _made(completion: Completion, prompt: Prompt) -> Made:
    usage = completion.usage
    return Made(
        engine=ENGINE,
        model=usage.model if usage else "",
        prompt_version=prompt.label,
        prompt_tokens=usage.prompt_tokens if usage else 0,
        completion_tokens=usage.completion_tokens if usage else 0,
    )
