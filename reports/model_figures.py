"""What the report of models and money says, as plain values between the queries and the page."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from reports.figures import share
from reports.spans import Span


@dataclass(frozen=True, slots=True)
class KindFigures:
    """The turns of one kind; each turn is of one kind only.

    ``confirmed`` and ``assumed`` are episodes, each counted once, and never added together.
    ``cost`` is ``None`` where no turn that used a model has a price; ``unpriced`` counts these.
    """

    kind: str
    label: str
    note: str = ""
    turns: int = 0
    share: float | None = None
    confirmed: int = 0
    assumed: int = 0
    handed_off: int = 0
    helpful: int = 0
    unhelpful: int = 0
    withdrawn: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: Decimal | None = Decimal(0)
    unpriced: int = 0
    half_within: timedelta | None = None
    most_within: timedelta | None = None

    @property
    def cached_share(self) -> float | None:
        """The tokens read from the provider's cache among all that were sent, from 0 to 1."""
        return share(self.cached_tokens, of=self.prompt_tokens)

    @property
    def cost_per_confirmed(self) -> Decimal | None:
        """The cost of all these turns by each confirmed resolution; too low by the unpriced."""
        return self.cost / self.confirmed if self.cost is not None and self.confirmed else None


@dataclass(frozen=True, slots=True)
class TierReason:
    """Why a tier was chosen, and how often."""

    tier: str
    reason: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What a guardrail found, and what the customer got instead."""

    kind: str
    tier: str
    count: int
    handed_off: int
    quoted: int


@dataclass(frozen=True, slots=True)
class CacheFigures:
    """Answers given again, among the turns for which a model would have been asked."""

    given: int
    asked: int
    saved: Decimal
    unknown: int

    @property
    def hit_share(self) -> float | None:
        """Those given again, from 0 to 1."""
        return share(self.given, of=self.asked + self.given)


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be spent on a day, as it stands today; ``None`` is no limit."""

    usd: Decimal | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class SpendDay:
    """What one day (UTC) cost; ``alarm`` is the highest share of the limit told of, per cent."""

    day: date
    usd: Decimal = Decimal(0)
    tokens: int = 0
    alarm: int | None = None
    limit: Limit = Limit()

    @property
    def usd_share(self) -> float | None:
        """What of the money's limit was spent; more than 1 is possible after it was lowered."""
        return float(self.usd / self.limit.usd) if self.limit.usd else None

    @property
    def token_share(self) -> float | None:
        """What of the tokens' limit was spent."""
        return share(self.tokens, of=self.limit.tokens) if self.limit.tokens else None


@dataclass(frozen=True, slots=True)
class PurposeFigures:
    """The uses of models for one purpose, as they were booked."""

    label: str
    note: str
    uses: int
    tokens: int
    usd: Decimal
    unpriced: int
    lost: int


@dataclass(frozen=True, slots=True)
class HelpFigures:
    """One kind of help for agents and managers."""

    label: str
    runs: int
    done: int
    failed: int
    tokens: int
    unpriced: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class ToolFigures:
    """The calls of one tool by what became of them; each stands in one column."""

    tool: str
    effect: str
    calls: int
    done: int
    failed: int
    refused: int
    dropped: int
    unknown: int
    open: int
    half_within_ms: float | None


@dataclass(frozen=True, slots=True)
class ModelReport:
    """Everything that the page of models and money shows."""

    span: Span
    kinds: tuple[KindFigures, ...]
    all: KindFigures
    reasons: tuple[TierReason, ...]
    withdrawals: tuple[Withdrawal, ...]
    cache: CacheFigures
    limit: Limit
    days: tuple[SpendDay, ...]
    purposes: tuple[PurposeFigures, ...]
    help: tuple[HelpFigures, ...]
    tools: tuple[ToolFigures, ...]

    @property
    def spent(self) -> Decimal:
        """What all uses were booked at."""
        return sum((one.usd for one in self.purposes), Decimal(0))

    @property
    def unpriced(self) -> int:
        """The uses that a price was not known for."""
        return sum(one.unpriced for one in self.purposes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all happened."""
        return not (self.all.turns or self.purposes or self.help or self.tools)
