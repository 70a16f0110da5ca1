"""Runs a tool in a thread of its own for a bounded time, and says what came of it.

A hung tool must not stop the turns. One that had begun when its time was up may still have had
its effect: that is `unknown`, never `failed`.
"""

import asyncio
import json
import logging
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

from django.db import close_old_connections
from pydantic import BaseModel

from assistant.models import ToolCall
from assistant.tools.caller import Caller
from assistant.tools.definitions import (
    MAX_LINE,
    MAX_LINES,
    MAX_TITLE,
    Card,
    Tool,
    ToolRefused,
    storable,
    without_signs,
)
from assistant.tools.http import CallFailed

logger = logging.getLogger(__name__)
State = ToolCall.State
T = TypeVar("T")
MAX_RESULT_CHARACTERS = 4_000
MAX_WORDS = 1_000
# All but those of quotes and backslashes, which part what they stand between as it is.
_ESCAPE = re.compile(r"\\(?:u[0-9a-f]{4}|[bfnrt])|\\.")
THREADS = 8
# For what the tool itself does about its own time-out, as an HTTP one.
GRACE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one call: ``text`` is JSON for the model, ``words`` for the customer."""

    state: ToolCall.State
    text: str
    words: str = ""
    error_code: str = ""
    duration_ms: int | None = None


def refusal(why: str, *, code: str) -> Outcome:
    """Return what the model is told of a call that was not made."""
    words = storable(why[:MAX_WORDS])
    return Outcome(State.REFUSED, json.dumps({"error": words}), words=words, error_code=code)


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="tools")


async def run_tool(
    tool: Tool, arguments: BaseModel, *, caller: Caller, idempotency_key: str, seconds: float
) -> Outcome:
    """Run ``tool`` once; what goes wrong is an outcome too, and logged by its type alone."""
    began = threading.Event()
    work = partial(tool.run, arguments, caller=caller, idempotency_key=idempotency_key)
    started = time.monotonic()
    try:
        result = await _in_thread(work, began=began, seconds=min(tool.timeout, seconds))
    except ToolRefused as refused:
        outcome = refusal(str(refused), code="refused")
    except TimeoutError:
        outcome = _failure(tool, "timeout", may_have_happened=began.is_set())
    except CallFailed as error:
        outcome = _failure(tool, str(error)[:50], may_have_happened=True)
    except Exception as error:  # an installation's own code: its defect must not cost the turn
        logger.warning("tool %s: %s", tool.name, type(error).__name__)
        outcome = _failure(tool, type(error).__name__[:50], may_have_happened=True)
    else:
        outcome = Outcome(State.DONE, _as_text(result), words=_words_of(result))
    spent = round((time.monotonic() - started) * 1000)
    return Outcome(outcome.state, outcome.text, outcome.words, outcome.error_code, spent)


async def describe_effect(tool: Tool, arguments: BaseModel, *, caller: Caller) -> Card:
    """Return the card of a write; raise ``ToolRefused`` where it can't be done."""
    describe = tool.describe
    if describe is None:
        raise ToolRefused("That can't be done here.")
    work = partial(describe, arguments, caller)
    try:
        card = await _in_thread(work, began=threading.Event(), seconds=tool.timeout)
    except ToolRefused:
        raise
    except Exception as error:  # an installation's own code, as above
        logger.warning("card of tool %s: %s", tool.name, type(error).__name__)
        raise ToolRefused("That can't be done right now.") from error
    title, lines = without_signs(card.title), tuple(map(without_signs, card.lines))
    is_whole = len(title) <= MAX_TITLE and len(lines) <= MAX_LINES
    if not is_whole or any(len(line) > MAX_LINE for line in lines):
        # What is not shown must not be confirmed.
        raise ToolRefused("That is too long to be shown and confirmed.")
    return Card(title, lines)


async def _in_thread(work: Callable[[], T], *, began: threading.Event, seconds: float) -> T:
    """Run ``work`` in the pool; what waits there when its time is up never begins."""

    def run() -> T:
        began.set()
        try:
            return work()
        finally:
            close_old_connections()

    async with asyncio.timeout(max(0.1, seconds) + GRACE_SECONDS):
        return await asyncio.get_running_loop().run_in_executor(_threads(), run)


def _failure(tool: Tool, code: str, *, may_have_happened: bool) -> Outcome:
    state = State.UNKNOWN if tool.is_write and may_have_happened else State.FAILED
    return Outcome(state, json.dumps({"error": "The tool failed."}), error_code=code)


def _as_text(result: object) -> str:
    try:
        text = json.dumps(result, default=str, ensure_ascii=False)
    except (ValueError, TypeError, RecursionError):
        # It has run all the same: what it did is done.
        return json.dumps({"error": "What the tool returned can't be read."})
    # Apart from the letters of an escape, or personal data would hide behind them.
    spaced = _ESCAPE.sub(lambda found: f" {found[0]} ", text)
    return storable(spaced[:MAX_RESULT_CHARACTERS])


def _words_of(result: Any) -> str:
    """Return what a tool says to the customer: its text, or the ``message`` of what it returns."""
    words = result.get("message") if isinstance(result, dict) else result
    return storable(words[:MAX_WORDS]) if isinstance(words, str) else ""
