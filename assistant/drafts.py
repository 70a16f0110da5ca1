"""What composing an answer may use, and what comes of it before anything is stored."""

import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypedDict

from assistant.claims import Claim
from assistant.guardrails import quote_of
from assistant.planning import Judgement, PassOn, Plan
from llm.types import Engine, SourcePassage, Tier, Usage, Verdict


class Citation(TypedDict):
    """A source as it is stored with its message."""

    title: str
    url: str
    quote: str


def citation_of(passage: SourcePassage) -> Citation:
    """Return a passage as the source of a message."""
    return Citation(title=passage.title, url=passage.url, quote=quote_of(passage))


@dataclass(frozen=True, slots=True)
class Job:
    """One composition: its time, and for whom; without a ``claim`` it is a trial.

    A trial shows nothing to anybody, stores nothing and calls no tool. It may be told which
    ``engine`` and which version of the prompt to use.
    """

    seconds: float
    claim: Claim | None = None
    engine: Engine | None = None
    prompt_version: int | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def deadline(self) -> float:
        """When its time is over, on the monotonic clock; it was made when the turn began."""
        return self.began + self.seconds

    @property
    def is_trial(self) -> bool:
        """Whether nobody will see it."""
        return self.claim is None

    @property
    def is_last_resort(self) -> bool:
        """Whether earlier attempts died, so that only the local engine is tried again."""
        return self.claim is not None and self.claim.is_last_resort


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole answer that passed its checks, or the hand-off that takes its place."""

    text: str = ""
    citations: tuple[Citation, ...] = ()
    pass_on: PassOn | None = None
    tier: str = ""
    tier_reason: str = ""
    prompt_version: str = ""
    engine: str = ""
    usages: tuple[Usage, ...] = ()
    verdict: Verdict | None = None
    groundedness: float | None = None
    mean_logprob: float | None = None
    cost: Decimal | None = None
    # The kept answer that this gives again, and the one that this is kept as.
    cached_answer_pk: int | None = None
    kept_pk: int | None = None
    # A tool said what it rests on; it only asks the customer for something.
    by_tool: bool = False
    asks: bool = False
    # The proposed effect whose card the message shows (a ``ToolCall``).
    card: int | None = None
    # The tier whose prompt had no more room for all that was said.
    summary_due: Tier | None = None
    error_code: str = ""

    @property
    def model(self) -> str:
        """The model that spoke last."""
        return self.usages[-1].model if self.usages else ""


@dataclass(frozen=True, slots=True)
class Composed:
    """What a turn comes to, and the record of how."""

    plan: Plan
    draft: Draft = field(default_factory=Draft)
    judgement: Judgement = field(default_factory=Judgement)
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def decision(self) -> Plan:
        """The plan, or the hand-off that the writing ended in."""
        return self.draft.pass_on or self.plan
