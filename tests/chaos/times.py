"""How long customers waited, as their journals and the faults' times tell it; in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.load import Visitor, is_reply
from tests.chaos.oracle import Stored, attempts_of

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Overdue:
    """An answer that a killed worker was writing: how long after the kill another one's came (s).

    ``begun`` until its first words, ``whole`` until all of it, which the model takes its time for.
    """

    begun: float
    whole: float


def first_answer(visitors: Sequence[Visitor], *, since: float) -> float:
    """Return when the first reply came to what was acknowledged after ``since``; or infinity.

    What was said before may come after it, by a socket that is back: that shows nothing.
    """
    return min((_first_answer(one, since=since) for one in visitors), default=float("inf"))


def _first_answer(visitor: Visitor, *, since: float) -> float:
    journal = visitor.journal
    asked = min(
        (journal.acknowledged[one] for one, at in journal.acknowledged_at.items() if at > since),
        default=None,
    )
    if asked is None:
        return float("inf")
    times = (
        at
        for seq, at in journal.received_at.items()
        if seq > asked and is_reply(journal.received[seq])
    )
    return min(times, default=float("inf"))


def acknowledgements(visitors: Sequence[Visitor]) -> list[float]:
    """Return from sending to the acknowledgement."""
    return [
        at - one.journal.sent_at[client_id]
        for one in visitors
        for client_id, at in one.journal.acknowledged_at.items()
    ]


def overdue(
    visitors: Sequence[Visitor], kills: Sequence[float], *, stored: dict[str, Stored]
) -> list[Overdue]:
    """Return after how long each answer came whose worker was killed: another began it anew."""
    waited: list[Overdue] = []
    for visitor in visitors:
        found = stored.get(visitor.conversation)
        if found is not None:
            waited += _overdue(visitor, kills, stored=found)
    return waited


def _overdue(visitor: Visitor, kills: Sequence[float], *, stored: Stored) -> list[Overdue]:
    journal, waited = visitor.journal, []
    begun_anew = {seq for seq, times in attempts_of(stored).items() if times > 1}
    for seq in begun_anew & set(journal.received_at):
        before = [one for one, place in journal.acknowledged.items() if place < seq]
        if not before:
            continue
        said = journal.sent_at[max(before, key=lambda one: journal.acknowledged[one])]
        answered = journal.received_at[seq]
        begun = journal.begun_at.get(journal.received[seq]["message"], answered)
        waited += [
            # What is not written piece by piece begins when it is there.
            Overdue((begun if kill < begun < answered else answered) - kill, answered - kill)
            for kill in kills
            if said < kill < answered
        ]
    return waited


def returns(visitors: Sequence[Visitor], kills: Sequence[Span]) -> list[float]:
    """Return how long after a web server's kill each was back whose socket broke by it.

    A kill lasts until the server is there again.
    """
    return [
        back - start
        for one in visitors
        # A socket that was never followed by another one has no pair.
        for closed, back in zip(one.journal.closed_at, one.journal.welcomed_at[1:], strict=False)
        for start, end in kills
        if start <= closed <= end
    ]
