"""Which tier of models a question is given: a table of rules, the first that fits wins."""

import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from django.db.models import Q

from assistant.models import TierRule
from conversations.models import Site
from llm.types import Tier

DEFAULT: Final[Tier] = "standard"
KEPT_SECONDS = 5
# A part of a message asks something of its own: it ends in a question mark or begins anew.
# Possessive: a run of marks is taken whole or not at all, however long it is.
QUESTION_END: Final = re.compile(r"[?!\u061f\uff1f]++(?=[\s\"')\u201d\u00bb]|$)")
# As in "Do you also ship?" the word alone begins nothing.
ANEW: Final = re.compile(
    r"(?:[.;,!]\s*+|(?<!\s)[^\S\n]*+\n\s*+|\band\s+|\bplus\s+)"
    r"(?:also|besides|another question|secondly)\b"
    r"|\bone more thing\b"
    r"|\band\s+(?:what|how|when|where|why|who|which|can|could|do|does|is|are|will|would|should)\b"
    r"|\bund\s+(?:was|wie|wann|wo|warum|wer|welche[rsmn]?|kann|k\u00f6nnen|gibt|ist|sind)\b"
    r"|\bet\s+(?:comment|quand|o\u00f9|pourquoi|qui|combien|est-ce)\b"
    r"|\by\s+(?:qu\u00e9|c\u00f3mo|cu\u00e1ndo|d\u00f3nde|cu\u00e1nto|cu\u00e1nta|puedo)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TurnFacts:
    """What the rules look at; ``confidence`` is retrieval's (0..1), ``plan`` what was signed."""

    task: str
    words: int
    parts: int
    confidence: float
    needs_tools: bool = False
    plan: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table (see `TierRule`); what is None or empty fits everything."""

    tier: Tier
    task: str = ""
    min_words: int | None = None
    min_parts: int | None = None
    max_confidence: float | None = None
    needs_tools: bool | None = None
    plan: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class TierChoice:
    """A tier, and why in words for a manager."""

    tier: Tier
    reason: str


# The shipped table; its rows are made by a migration and are a manager's from then on.
DEFAULT_RULES: Final = (
    Rule("strong", task="answer", min_parts=2, note="several questions at once"),
    Rule("strong", task="answer", min_words=60, note="a long question"),
    Rule("strong", task="answer", max_confidence=0.85, note="the articles are not quite clear"),
    Rule("standard", task="answer", note="a plain question"),
    Rule("small", note="a short task"),
)


def count_parts(question: str) -> int:
    """Return how many questions a message holds, at least one; a statement holds one."""
    ends = [found.end() for found in QUESTION_END.finditer(question) if set(found[0]) != {"!"}]
    asked = [question[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    # What a question begins with joins it to the one before and parts nothing again.
    anew = [found for part in asked for found in ANEW.finditer(part.strip()) if found.start()]
    return max(1, len(asked) + len(anew))


def choose_tier(facts: TurnFacts, *, rules: Iterable[Rule], pinned: str = "") -> TierChoice:
    """Return the tier of the first rule that fits; a pinned one goes before all."""
    if pinned:
        return TierChoice(cast("Tier", pinned), "pinned for this website")
    for rule in rules:
        reasons = _reasons(rule, facts)
        if reasons is not None:
            said = [rule.note] if rule.note else []
            return TierChoice(rule.tier, ": ".join([*said, ", ".join(reasons)]).rstrip(": "))
    return TierChoice(DEFAULT, "no rule fits")


def find_tier(site: Site, facts: TurnFacts) -> TierChoice:
    """Return the tier by the site's own rules, then by those for all sites."""
    rules = _rules_of(site.pk, int(time.monotonic() // KEPT_SECONDS))
    return choose_tier(facts, rules=rules, pinned=site.pinned_tier)


def tier_of_task(task: str, *, site_pk: int) -> Tier:
    """Return the tier of a short task that is no answer; a pinned tier is for answers only."""
    facts = TurnFacts(task=task, words=0, parts=1, confidence=1.0)
    rules = _rules_of(site_pk, int(time.monotonic() // KEPT_SECONDS))
    return next((rule.tier for rule in rules if _reasons(rule, facts) is not None), "small")


def _reasons(rule: Rule, facts: TurnFacts) -> list[str] | None:
    """Return what of a rule is met, in words; None where something is not."""
    conditions = (
        (rule.task != "", rule.task == facts.task, ""),
        (
            rule.min_words is not None,
            facts.words >= (rule.min_words or 0),
            f"{facts.words} words",
        ),
        (
            rule.min_parts is not None,
            facts.parts >= (rule.min_parts or 0),
            f"{facts.parts} questions",
        ),
        (
            rule.max_confidence is not None,
            facts.confidence <= (rule.max_confidence or 0.0),
            f"confidence {facts.confidence:.2f}",
        ),
        (
            rule.needs_tools is not None,
            facts.needs_tools is rule.needs_tools,
            "with tools" if facts.needs_tools else "without tools",
        ),
        (rule.plan != "", facts.plan.casefold() == rule.plan.casefold(), f"plan {facts.plan}"),
    )
    asked = [(met, words) for is_asked, met, words in conditions if is_asked]
    return [words for _, words in asked if words] if all(met for met, _ in asked) else None


@lru_cache(maxsize=64)
def _rules_of(site_pk: int, moment: int) -> Sequence[Rule]:
    """Return the rules as they were read a moment ago; ``moment`` lets them grow old."""
    rows = TierRule.objects.filter(Q(site=site_pk) | Q(site=None), is_active=True)
    own_first = sorted(rows, key=lambda row: (row.site_id is None, row.position, row.pk))
    return tuple(
        Rule(
            tier=cast("Tier", row.tier),
            task=row.task,
            min_words=row.min_words,
            min_parts=row.min_parts,
            max_confidence=row.max_confidence,
            needs_tools=row.needs_tools,
            plan=row.plan,
            note=row.note,
        )
        for row in own_first
    )
