"""The shape of a made-up chat; all of it lies in the past."""

from dataclasses import dataclass
from datetime import datetime

from conversations.models import Episode, Message
from escalation.models import HandOff
from supportbot.demo_data.topics import Topic


@dataclass(frozen=True, slots=True)
class Line:
    """A message; ``topic`` is what an answer cites."""

    at: datetime
    author: Message.Author
    text: str
    topic: Topic | None = None
    helpful: bool | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """A hand-off; nobody took it where ``taken_at`` is ``None``."""

    reason: HandOff.Reason
    at: datetime
    taken_at: datetime | None
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Score:
    """A rating."""

    score: int
    comment: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Chapter:
    """An episode, from its first line to its end."""

    lines: tuple[Line, ...]
    ended_at: datetime
    handled_by: Episode.HandledBy
    outcome: Episode.Outcome
    resolved_by: Episode.ResolvedBy
    hand_off: Pass | None = None
    rating: Score | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """A conversation; ``agent`` is the number of the agent who has a part in it, if any has."""

    customer: str
    agent: int
    chapters: tuple[Chapter, ...]

    @property
    def ended_at(self) -> datetime:
        """The moment after which nothing happens any more."""
        last = self.chapters[-1]
        return max(last.ended_at, last.rating.at if last.rating else last.ended_at)
