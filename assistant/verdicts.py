"""What the record says of each answer: was it right, who says so, and how much that counts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import models

from assistant.models import Turn
from conversations.models import Episode, Message, Rating
from escalation.models import HandOff

NEWEST_TURNS = 5_000
Reason = HandOff.Reason
Author = Message.Author
# Reasons that say something of the answer before; an unsure second question does not.
DISSATISFIED = frozenset(
    {Reason.ASKED_FOR_PERSON, Reason.REPEATED_QUESTION, Reason.NEGATIVE_SENTIMENT}
)


class Kind(models.TextChoices):
    """Where a verdict comes from; thumbs are confirmed, all others only assumed."""

    THUMB_UP = "thumb_up", "Thumb up"
    THUMB_DOWN = "thumb_down", "Thumb down"
    AGENT_CORRECTED = "agent_corrected", "An agent wrote right after the answer"
    ASKED_AGAIN = "asked_again", "The same question was asked again"
    WANTED_PERSON = "wanted_person", "A person was wanted, or the customer was upset"
    RATED_HIGH = "rated_high", "4 or 5 stars for a conversation without a person"
    RATED_LOW = "rated_low", "1 or 2 stars for a conversation without a person"


RIGHT_KINDS = frozenset({Kind.THUMB_UP, Kind.RATED_HIGH})
CONFIRMED_KINDS = frozenset({Kind.THUMB_UP, Kind.THUMB_DOWN})
# How many thumbs one verdict of a kind is worth. Chosen, not measured: an agent and a repeated
# question speak of one answer, a wish for a person or a rating often of something else.
WEIGHTS: Mapping[Kind, float] = {
    Kind.THUMB_UP: 1.0,
    Kind.THUMB_DOWN: 1.0,
    Kind.AGENT_CORRECTED: 0.5,
    Kind.ASKED_AGAIN: 0.5,
    Kind.WANTED_PERSON: 0.3,
    Kind.RATED_HIGH: 0.3,
    Kind.RATED_LOW: 0.3,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer with what its confidence was computed from, and the word on it."""

    kind: Kind
    features: Mapping[str, float]
    topic: str
    conversation_id: int

    @property
    def is_right(self) -> bool:
        """Whether the answer was right."""
        return self.kind in RIGHT_KINDS

    @property
    def weight(self) -> float:
        """How much it counts beside a thumb."""
        return WEIGHTS[self.kind]


@dataclass(frozen=True, slots=True)
class _Said:
    """A message that somebody wrote."""

    seq: int
    author_kind: str
    is_answer: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Record:
    """What surrounds the answers, by conversation and number of the episode."""

    said: Mapping[tuple[int, int], Sequence[_Said]]
    hand_offs: Mapping[tuple[int, int], Sequence[tuple[datetime, str]]]
    ratings: Mapping[tuple[int, int], int]


def read_verdicts(site_id: int) -> list[Verdict]:
    """Return the verdicts on a site's newest answers, one an answer, made-up ones left out.

    A thumb goes before what agents did, that before what the customer did next, and the
    rating of the whole comes last.
    """
    turns = list(
        Turn.objects.filter(
            conversation__site_id=site_id,
            conversation__is_sample=False,
            outcome=Turn.Outcome.ANSWERED,
            message__is_answer=True,
        )
        .exclude(features={})
        .select_related("message")
        .order_by("-pk")[:NEWEST_TURNS]
    )
    record = _read_record({turn.conversation_id for turn in turns})
    found = ((turn, _kind_of(turn, record=record)) for turn in turns)
    return [
        Verdict(kind, turn.features, turn.topic, turn.conversation_id)
        for turn, kind in found
        if kind is not None
    ]


def _read_record(conversations: Iterable[int]) -> _Record:
    pks = list(conversations)
    said: dict[tuple[int, int], list[_Said]] = defaultdict(list)
    messages = Message.objects.filter(conversation_id__in=pks).exclude(author_kind=Author.SYSTEM)
    columns = ("seq", "author_kind", "is_answer", "created_at")
    for pk, number, *values in messages.order_by("seq").values_list(
        "conversation_id", "episode", *columns
    ):
        said[pk, number].append(_Said(*values))
    hand_offs: dict[tuple[int, int], list[tuple[datetime, str]]] = defaultdict(list)
    rows = HandOff.objects.filter(conversation_id__in=pks).order_by("created_at")
    for pk, number, at, reason in rows.values_list(
        "conversation_id", "episode__number", "created_at", "reason"
    ):
        hand_offs[pk, number].append((at, reason))
    # What people had a part in is rated for them too.
    ratings = Rating.objects.filter(
        episode__conversation_id__in=pks,
        episode__handled_by=Episode.HandledBy.ASSISTANT,
        episode__handed_off_at=None,
    ).values_list("episode__conversation_id", "episode__number", "score")
    return _Record(said, hand_offs, {(pk, number): score for pk, number, score in ratings})


def _kind_of(turn: Turn, *, record: _Record) -> Kind | None:
    """Return the verdict on an answer; ``None`` where nothing speaks of it."""
    answer = turn.message
    if answer is None:
        return None
    if answer.helpful is not None:
        return Kind.THUMB_UP if answer.helpful else Kind.THUMB_DOWN
    place = (answer.conversation_id, answer.episode)
    later = [one for one in record.said[place] if one.seq > answer.seq]
    if later and later[0].author_kind == Author.AGENT:
        return Kind.AGENT_CORRECTED
    until = next((one.created_at for one in later if one.is_answer), None)
    reasons = [
        reason
        for at, reason in record.hand_offs[place]
        if answer.created_at <= at and (until is None or at <= until)
    ]
    return _by_hand_off(reasons) or _by_rating(record.ratings.get(place))


def _by_hand_off(reasons: Sequence[str]) -> Kind | None:
    """Judge by the first of the hand-offs between an answer and the next one."""
    if not reasons or reasons[0] not in DISSATISFIED:
        return None
    return Kind.ASKED_AGAIN if reasons[0] == Reason.REPEATED_QUESTION else Kind.WANTED_PERSON


def _by_rating(score: int | None) -> Kind | None:
    if score is None or score == 3:
        return None
    return Kind.RATED_HIGH if score > 3 else Kind.RATED_LOW
