"""What a report says, as plain values between the queries and the page."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from reports.spans import Span

# A share of fewer says more about chance than about the assistant.
MIN_ENDED = 10


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of all episodes of a span; an average or median of nothing is ``None``."""

    episodes: int
    ended: int
    asked: int
    rated: int
    average_score: float | None
    automated: int
    assistant_first_response: timedelta | None
    person_first_response: timedelta | None

    @property
    def response_rate(self) -> float | None:
        """Those who rated among those who were asked to, from 0 to 1."""
        return share(self.rated, of=self.asked)

    @property
    def automation_rate(self) -> float | None:
        """Those that the assistant ended alone among those that ended, from 0 to 1."""
        return share(self.automated, of=self.ended)

    @property
    def has_too_few_ended(self) -> bool:
        """Whether some ended, but not enough for a rate."""
        return 0 < self.ended < MIN_ENDED


@dataclass(frozen=True, slots=True)
class DayFigures:
    """The figures of the episodes that began on one day."""

    day: date
    episodes: int = 0
    ended: int = 0
    asked: int = 0
    rated: int = 0
    average_score: float | None = None
    automated: int = 0

    @property
    def response_rate(self) -> float | None:
        """As in ``Totals``."""
        return share(self.rated, of=self.asked)

    @property
    def automation_rate(self) -> float | None:
        """As in ``Totals``."""
        return share(self.automated, of=self.ended)


@dataclass(frozen=True, slots=True)
class HandlerFigures:
    """Satisfaction with those who brought episodes to their end."""

    label: str
    note: str
    episodes: int
    asked: int
    rated: int
    average_score: float | None

    @property
    def response_rate(self) -> float | None:
        """As in ``Totals``."""
        return share(self.rated, of=self.asked)


@dataclass(frozen=True, slots=True)
class Count:
    """How often something was; ``share`` is of the whole table, from 0 to 1."""

    label: str
    count: int
    share: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """What a customer wrote with a score."""

    conversation: UUID
    score: int
    text: str
    written_at: datetime
    handled_by: str
    is_sample: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page shows; ``before`` is ``None`` where the record begins too late."""

    span: Span
    totals: Totals
    before: Totals | None
    days: tuple[DayFigures, ...]
    scores: tuple[Count, ...]
    handlers: tuple[HandlerFigures, ...]
    outcomes: tuple[Count, ...]
    reasons: tuple[Count, ...]
    comments: tuple[Comment, ...]
    sample_episodes: int


def share(part: int, *, of: int) -> float | None:
    """Return ``part`` of a whole from 0 to 1, or ``None`` of nothing."""
    return part / of if of else None
