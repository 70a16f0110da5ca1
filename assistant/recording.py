"""Writes down what a turn does while it does it: the answer to "why did it answer that?"."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from assistant.context import Context
from assistant.drafts import Draft
from assistant.planning import Judgement
from assistant.preparing import Prepared
from assistant.prompt_library import canary
from assistant.replies import Reply
from assistant.tools.definitions import mapped, storable
from llm.engines import extractive_engine
from llm.types import ModerationVerdict

MAX_TEXT = 20_000
Redact = Callable[[str], str]


class Recorder:
    """The record of one turn: facts by name, lists that grow, milliseconds by step.

    What it is given must be redacted already.
    """

    def __init__(self) -> None:
        self._facts: dict[str, Any] = {}
        self._lists: dict[str, list[Any]] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step; one that is entered twice stands twice."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.add("steps", {"name": name, "ms": milliseconds_since(began)})

    def note(self, **facts: object) -> None:
        """Keep facts by their names; the last word on a name counts."""
        self._facts |= facts

    def add(self, name: str, *entries: object) -> None:
        """Let a list grow."""
        self._lists.setdefault(name, []).extend(entries)

    def data(self) -> dict[str, Any]:
        """Return everything as JSON values, long texts clipped."""
        data: dict[str, Any] = _clip({**self._facts, **self._lists})
        return data


def describe_plan(judgement: Judgement, *, question: str, redact: Redact) -> dict[str, Any]:
    """Return what was asked and found, and how sure that had to be."""
    threshold = {} if judgement.threshold is None else {"threshold": judgement.threshold}
    return {
        **threshold,
        "question": redact(question),
        "looked_up": redact(judgement.looked_up),
        "passages": [
            {
                "id": passage.id,
                "title": passage.title,
                "heading": passage.heading,
                "url": passage.url,
                "score": round(passage.score, 4),
                "lexical": round(passage.lexical, 4),
                "cosine": round(passage.cosine, 4),
            }
            for passage in judgement.passages
        ],
    }


def describe_choice(prepared: Prepared) -> dict[str, Any]:
    """Return the tier, the budget and the signs of caution, with the prompt that follows."""
    grant = prepared.grant
    return {
        "signals": list(prepared.signals),
        "budget": {"wanted": prepared.choice.tier, "granted": grant.tier, "reason": grant.reason}
        if prepared.engine is not extractive_engine()
        else {},
        **describe_prompt(prepared.context),
    }


def describe_prompt(context: Context) -> dict[str, Any]:
    """Return what is sent, without the mark by which a leak of it would be known."""
    return {
        "sent": [
            {"role": message.role, "content": message.content.replace(canary(), "…")}
            for message in context.messages
        ],
        "context": {
            "tokens": context.tokens,
            "shares": dict(context.shares),
            "left_out": dict(context.left_out),
        },
    }


def describe_reply(reply: Reply, *, redact: Redact) -> list[str]:
    """Return what came back as it came, whatever became of it: the text, and each call."""
    calls = [
        f"{one.name}({json.dumps(mapped(dict(one.arguments), redact), ensure_ascii=False)})"
        for one in reply.calls
    ]
    text = reply.received.strip().replace(canary(), "\u2026")
    return [storable(one) for one in ([redact(text), *calls] if text else calls)]


def describe_draft(
    draft: Draft, *, moderation: ModerationVerdict | None, redact: Redact
) -> dict[str, Any]:
    """Return what was said of the answer."""
    verdict = asdict(draft.verdict) if draft.verdict else None
    if verdict:
        verdict["detail"] = redact(verdict["detail"])
    return {
        "by_tool": draft.by_tool,
        "asks": draft.asks,
        "verdict": verdict,
        "moderation": asdict(moderation) if moderation else None,
    }


def milliseconds_since(began: float) -> float:
    """Return the time since ``began`` (of ``time.monotonic()``) in milliseconds."""
    return round((time.monotonic() - began) * 1_000, 1)


def _clip(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + " …"
    if isinstance(value, dict):
        return {key: _clip(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clip(one) for one in value]
    return value
