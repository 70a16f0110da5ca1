"""Waits are told of those alone whom a fault met."""

from typing import Any

from tests.chaos.load import Visitor
from tests.chaos.oracle import Stored
from tests.chaos.times import first_answer, overdue, returns


def visitor(**journal: Any) -> Visitor:
    made = Visitor("http://127.0.0.1:1")
    made.conversation = "c"
    for name, value in journal.items():
        setattr(made.journal, name, value)
    return made


def said(kind: str, name: str = "") -> dict[str, Any]:
    return {"author": {"kind": kind}, "message": name}


ASKED_TWICE = {
    "sent_at": {"one": 1.0, "two": 20.0},
    "acknowledged": {"one": 1, "two": 3},
    "acknowledged_at": {"one": 1.1, "two": 20.1},
    "received": {1: said("customer"), 2: said("assistant", "m"), 3: said("customer")},
    "received_at": {1: 1.2, 2: 12.0, 3: 20.2},
}


def test_an_answer_to_what_was_said_before_shows_nothing() -> None:
    one = visitor(**ASKED_TWICE)
    assert first_answer([one], since=10.0) == float("inf")
    one.journal.received[4] = said("assistant")
    one.journal.received_at[4] = 23.0
    assert first_answer([one], since=10.0) == 23.0
    assert first_answer([one], since=21.0) == float("inf")


def test_a_socket_is_back_only_where_it_broke_by_the_kill() -> None:
    broke = visitor(welcomed_at=[1.0, 14.0], closed_at=[10.5])
    away = visitor(welcomed_at=[1.0, 14.0], closed_at=[4.0])
    never_back = visitor(welcomed_at=[1.0], closed_at=[10.5])
    assert returns([broke, away, never_back], [(10.0, 12.0)]) == [4.0]


def test_an_answer_begun_anew_is_told_and_a_lost_conversation_breaks_nothing() -> None:
    one, lost = visitor(**ASKED_TWICE), visitor()
    lost.conversation = "lost"
    one.journal.begun_at["m"] = 11.0
    turns = [{"message_id": 7, "attempt": 2}]
    stored = {"c": Stored("c", "assistant", 3, [{"id": 7, "seq": 2}], turns)}
    (found,) = overdue([one, lost], [5.0], stored=stored)
    assert (found.begun, found.whole) == (6.0, 7.0)
    one.journal.acknowledged.clear()
    assert not overdue([one], [5.0], stored=stored)
