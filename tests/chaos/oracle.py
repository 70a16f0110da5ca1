"""Compares what customers saw with the database: what was lost, doubled, misordered or stuck.

It reads the tables itself: a fault in the product's own queries must not hide from it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.live.chat import Journal

CONVERSATIONS = """
SELECT id, public_id::text AS public_id, status, last_seq FROM conversations_conversation
WHERE public_id = ANY(%s)
"""
MESSAGES = """
SELECT id, conversation_id, seq, client_id::text AS client_id, author_kind, text, is_answer
FROM conversations_message WHERE conversation_id = ANY(%s) ORDER BY conversation_id, seq
"""
# A turn has so long from reaching the head of its conversation until it is over.
PROMISED_SECONDS, DEADLINE_SECONDS = 125, 90
TURNS = """
SELECT conversation_id, state, outcome, engine, attempt, from_seq, through_seq, message_id,
    extract(epoch FROM finished_at - deadline_at)::float8 + %s AS seconds
FROM assistant_turn WHERE conversation_id = ANY(%s) ORDER BY id
"""
UNENDED = """
SELECT count(*) FROM assistant_turn AS turn
JOIN conversations_conversation AS conversation ON conversation.id = turn.conversation_id
WHERE conversation.public_id = ANY(%s) AND turn.state IN ('queued', 'running')
"""
HAND_OFFS = """
SELECT conversation_id FROM escalation_handoff
WHERE conversation_id = ANY(%s) AND state IN ('waiting', 'taken')
"""
OPEN_STATES = ("queued", "running")
# Where a conversation waits for people or is with one.
WITH_PEOPLE = ("waiting", "agent")
ENDED = ("done", "failed")


@dataclass(slots=True)
class Findings:
    """Each broken promise in a sentence, by its kind."""

    lost: list[str] = field(default_factory=list)
    # Never acknowledged, however often it was sent and however long the patience.
    unaccepted: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    misordered: list[str] = field(default_factory=list)
    holes: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    # Ended after the promised time.
    late: list[str] = field(default_factory=list)
    # Processes that ended by themselves: a supervisor starts them again, but they had no cause.
    died: list[str] = field(default_factory=list)
    # Faults that could not be made, or that nobody met: what they were to show is not shown.
    failed: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return {name: len(getattr(self, name)) for name in self.__slots__}

    @property
    def is_clean(self) -> bool:
        """Whether nothing was broken."""
        return not any(self.counts.values())


@dataclass(frozen=True, slots=True)
class Stored:
    """One conversation as the database has it."""

    public_id: str
    status: str
    last_seq: int
    messages: Sequence[dict[str, Any]]
    turns: Sequence[dict[str, Any]]
    # Whether a hand-off waits for people or is with one.
    is_handed_off: bool = False


def read_stored(database_url: str, public_ids: Sequence[str]) -> dict[str, Stored]:
    """Return the conversations of these public ids."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        conversations = connection.execute(CONVERSATIONS, [list(public_ids)]).fetchall()
        pks = [row["id"] for row in conversations]
        messages = connection.execute(MESSAGES, [pks]).fetchall()
        turns = connection.execute(TURNS, [DEADLINE_SECONDS, pks]).fetchall()
        passed_on = {
            row["conversation_id"] for row in connection.execute(HAND_OFFS, [pks]).fetchall()
        }
    return {
        row["public_id"]: Stored(
            row["public_id"],
            row["status"],
            row["last_seq"],
            [one for one in messages if one["conversation_id"] == row["id"]],
            [one for one in turns if one["conversation_id"] == row["id"]],
            is_handed_off=row["id"] in passed_on,
        )
        for row in conversations
    }


def count_unended(database_url: str, public_ids: Sequence[str]) -> int:
    """Return how many turns of these conversations have no end yet."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(UNENDED, [list(public_ids)]).fetchone()
    return int(row[0]) if row else 0


def judge(
    journals: Iterable[tuple[str, Journal]], stored: dict[str, Stored], *, is_on_time: bool = True
) -> Findings:
    """Return what is wrong; ``journals`` come with their conversation's public id.

    Every client must have caught up before: it is to have seen all that is stored. Where the
    database's clock was stepped, it can't tell how long a turn took: not ``is_on_time``.
    """
    findings = Findings()
    for public_id, journal in journals:
        conversation = stored.get(public_id)
        if conversation is None:
            findings.lost.append(f"{public_id}: the conversation")
            continue
        _judge_messages(findings, journal, conversation)
        _judge_order(findings, journal, conversation)
        _judge_turns(findings, conversation)
        if is_on_time:
            _judge_times(findings, conversation)
    return findings


def _judge_messages(findings: Findings, journal: Journal, stored: Stored) -> None:
    name = stored.public_id
    places = {one["client_id"]: one for one in stored.messages if one["client_id"]}
    for client_id, seq in journal.acknowledged.items():
        found = places.get(client_id)
        if found is None or found["seq"] != seq or found["text"] != journal.sent[client_id]:
            findings.lost.append(f"{name}: {client_id} acknowledged as {seq}")
    findings.unaccepted += [
        f"{name}: {one}" for one in journal.sent if one not in journal.acknowledged
    ]
    counts = Counter(one["client_id"] for one in stored.messages if one["client_id"])
    findings.doubled += [
        f"{name}: {one}, {count} times" for one, count in counts.items() if count > 1
    ]
    answering = Counter(turn["message_id"] for turn in stored.turns if turn["message_id"])
    said = [one["id"] for one in stored.messages if one["author_kind"] == "assistant"]
    # All that the assistant says belongs to one turn: nobody here asks for a person by a button,
    # and a second answer would come from a worker that lost its claim.
    findings.doubled += [f"{name}: answer {pk} of no turn" for pk in said if pk not in answering]
    findings.doubled += [
        f"{name}: answer {pk} of two turns" for pk, n in answering.items() if n > 1
    ]


def _judge_order(findings: Findings, journal: Journal, stored: Stored) -> None:
    name = stored.public_id
    seqs = [one["seq"] for one in stored.messages]
    if seqs != list(range(1, stored.last_seq + 1)):
        findings.holes.append(f"{name}: stored {seqs}, counted to {stored.last_seq}")
    if journal.order != sorted(set(journal.order)):
        findings.misordered.append(f"{name}: received {journal.order}")
    if missing := sorted(set(seqs) - set(journal.received)):
        findings.holes.append(f"{name}: never received {missing}")
    for one in stored.messages:
        seen = journal.received.get(one["seq"])
        if seen is not None and seen["text"] != one["text"]:
            findings.misordered.append(f"{name}: another text at {one['seq']}")


def _judge_turns(findings: Findings, stored: Stored) -> None:
    name = stored.public_id
    waiting = [turn for turn in stored.turns if turn["state"] in OPEN_STATES]
    findings.stuck += [f"{name}: a turn is {turn['state']}" for turn in waiting]
    findings.stuck += [
        f"{name}: the turn of {turn['from_seq']} ended and said nothing"
        for turn in stored.turns
        if turn["state"] in ENDED and turn["message_id"] is None
    ]
    is_with_people = stored.status in WITH_PEOPLE
    if is_with_people != stored.is_handed_off:
        findings.stuck.append(f"{name}: is {stored.status}; a hand-off: {stored.is_handed_off}")
    for one in stored.messages:
        if one["author_kind"] != "customer":
            continue
        covering = [turn for turn in stored.turns if _covers(turn, one["seq"])]
        done = [turn for turn in covering if turn["state"] in ENDED]
        if len(done) > 1:
            findings.doubled.append(f"{name}: {one['seq']} was answered by {len(done)} turns")
        if not done and not is_with_people:
            findings.stuck.append(f"{name}: {one['seq']} has no turn that ended")


def _covers(turn: dict[str, Any], seq: int) -> bool:
    through = turn["through_seq"]
    return turn["from_seq"] <= seq and through is not None and seq <= through


def _judge_times(findings: Findings, stored: Stored) -> None:
    findings.late += [
        f"{stored.public_id}: the turn of {turn['from_seq']} took {turn['seconds']:.0f} s"
        for turn in stored.turns
        if turn["seconds"] is not None and turn["seconds"] > PROMISED_SECONDS
    ]


def ends_of(stored: Iterable[Stored]) -> dict[str, int]:
    """Return how the turns ended: by whom they were answered, or what else became of them."""
    return Counter(_end_of(turn) for one in stored for turn in one.turns)


def _end_of(turn: dict[str, Any]) -> str:
    if turn["state"] != "done":
        return str(turn["state"])
    if turn["outcome"] != "answered":
        return str(turn["outcome"])
    return "quoted" if turn["engine"] == "extractive" else "answered"


def attempts_of(stored: Stored) -> dict[int, int]:
    """Return by the seq of each answer how many workers began it."""
    places = {one["id"]: one["seq"] for one in stored.messages}
    return {
        places[turn["message_id"]]: turn["attempt"]
        for turn in stored.turns
        if turn["message_id"] in places
    }
