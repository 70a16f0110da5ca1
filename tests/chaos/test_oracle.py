"""The oracle sees what is broken: it must not call a faulty record clean."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.chaos.oracle import Stored, attempts_of, ends_of, judge
from tests.live.chat import Journal

FIRST, SECOND = "client-1", "client-2"


def row(pk: int, seq: int, text: str, **fields: Any) -> dict[str, Any]:
    usual = {"client_id": None, "author_kind": "customer", "is_answer": False}
    return {"id": pk, "seq": seq, "text": text, **usual, **fields}


def turn(seq: int, **fields: Any) -> dict[str, Any]:
    usual = {"state": "done", "outcome": "answered", "engine": "openai", "attempt": 1, "seconds": 3}
    return {"from_seq": seq, "through_seq": seq, "message_id": None, **usual, **fields}


def sound() -> tuple[Journal, dict[str, Any]]:
    """Return a conversation of two questions and two answers in which nothing is wrong."""
    rows = [
        row(11, 1, "Hello?", client_id=FIRST),
        row(12, 2, "Hello.", author_kind="assistant", is_answer=True),
        row(13, 3, "Where?", client_id=SECOND),
        row(14, 4, "Here.", author_kind="assistant", is_answer=True),
    ]
    journal = Journal(sent={FIRST: "Hello?", SECOND: "Where?"}, acknowledged={FIRST: 1, SECOND: 3})
    for one in rows:
        journal.order.append(one["seq"])
        journal.received[one["seq"]] = dict(one)
    turns = [turn(1, message_id=12), turn(3, message_id=14, attempt=2)]
    return journal, {"status": "assistant", "last_seq": 4, "messages": rows, "turns": turns}


def counts(journal: Journal, stored: dict[str, Any]) -> dict[str, int]:
    return judge([("c", journal)], {"c": Stored(public_id="c", **stored)}).counts


def broken(counted: dict[str, int]) -> set[str]:
    return {kind for kind, count in counted.items() if count}


def test_oracle_finds_nothing_in_a_sound_record() -> None:
    assert not broken(counts(*sound()))


def lose_a_message(journal: Journal, stored: dict[str, Any]) -> None:
    stored["messages"][2]["client_id"] = "somebody"


def move_a_message(journal: Journal, stored: dict[str, Any]) -> None:
    journal.acknowledged[SECOND] = 4


def change_a_text(journal: Journal, stored: dict[str, Any]) -> None:
    stored["messages"][3]["text"] = "There."


def store_twice(journal: Journal, stored: dict[str, Any]) -> None:
    stored["messages"].append(row(15, 5, "Where?", client_id=SECOND))
    stored["last_seq"] = 5
    journal.order.append(5)
    journal.received[5] = {"text": "Where?"}


def answer_without_a_turn(journal: Journal, stored: dict[str, Any]) -> None:
    stored["turns"][1]["message_id"] = 12


def answer_by_two_turns(journal: Journal, stored: dict[str, Any]) -> None:
    stored["turns"].append(turn(3, message_id=14))


def pass_on_twice(journal: Journal, stored: dict[str, Any]) -> None:
    say(journal, stored, "A person will answer.")


def say(journal: Journal, stored: dict[str, Any], text: str) -> None:
    stored["messages"].append(row(15, 5, text, author_kind="assistant"))
    stored["last_seq"] = 5
    journal.order.append(5)
    journal.received[5] = {"text": text}


def never_accept(journal: Journal, stored: dict[str, Any]) -> None:
    journal.sent["client-3"] = "Anybody?"


def end_without_a_word(journal: Journal, stored: dict[str, Any]) -> None:
    stored["turns"].append(turn(4))


def take_too_long(journal: Journal, stored: dict[str, Any]) -> None:
    stored["turns"][0]["seconds"] = 126.0


def receive_backwards(journal: Journal, stored: dict[str, Any]) -> None:
    journal.order.reverse()


def receive_twice(journal: Journal, stored: dict[str, Any]) -> None:
    journal.order.append(4)


def skip_a_number(journal: Journal, stored: dict[str, Any]) -> None:
    stored["last_seq"] = 5


def miss_a_message(journal: Journal, stored: dict[str, Any]) -> None:
    del journal.received[2]
    journal.order.remove(2)


def leave_a_turn_open(journal: Journal, stored: dict[str, Any]) -> None:
    stored["turns"][1].update(state="running", message_id=14)


def forget_a_message(journal: Journal, stored: dict[str, Any]) -> None:
    stored["turns"][1].update(from_seq=4, through_seq=4)


def wait_for_nobody(journal: Journal, stored: dict[str, Any]) -> None:
    stored["status"] = "waiting"


def hand_off_in_secret(journal: Journal, stored: dict[str, Any]) -> None:
    stored["is_handed_off"] = True


def resolve_unanswered(journal: Journal, stored: dict[str, Any]) -> None:
    stored["status"] = "resolved"
    stored["turns"][1].update(state="cancelled")


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lose_a_message, "lost"),
        (move_a_message, "lost"),
        (change_a_text, "misordered"),
        (store_twice, "doubled"),
        (answer_without_a_turn, "doubled"),
        (answer_by_two_turns, "doubled"),
        (pass_on_twice, "doubled"),
        (never_accept, "unaccepted"),
        (end_without_a_word, "stuck"),
        (take_too_long, "late"),
        (receive_backwards, "misordered"),
        (receive_twice, "misordered"),
        (skip_a_number, "holes"),
        (miss_a_message, "holes"),
        (leave_a_turn_open, "stuck"),
        (forget_a_message, "stuck"),
        (wait_for_nobody, "stuck"),
        (hand_off_in_secret, "stuck"),
        (resolve_unanswered, "stuck"),
    ],
)
def test_oracle_sees_what_is_broken(
    damage: Callable[[Journal, dict[str, Any]], None], kind: str
) -> None:
    journal, stored = sound()
    damage(journal, stored)
    assert kind in broken(counts(journal, stored))


def test_what_waits_for_people_needs_no_turn() -> None:
    journal, stored = sound()
    forget_a_message(journal, stored)
    stored |= {"status": "waiting", "is_handed_off": True}
    assert not broken(counts(journal, stored))


def test_oracle_misses_a_conversation_that_is_gone() -> None:
    journal, _ = sound()
    assert broken(judge([("c", journal)], {}).counts) == {"lost"}


def test_a_stepped_clock_tells_no_time() -> None:
    journal, stored = sound()
    take_too_long(journal, stored)
    found = judge([("c", journal)], {"c": Stored(public_id="c", **stored)}, is_on_time=False)
    assert found.is_clean


def test_how_turns_ended_and_which_answer_was_begun_anew() -> None:
    _, stored = sound()
    stored["turns"] += [
        turn(3, engine="extractive"),
        turn(3, outcome="handed_off"),
        turn(3, state="superseded", outcome=""),
    ]
    conversation = Stored(public_id="c", **stored)
    assert ends_of([conversation]) == {
        "answered": 2,
        "quoted": 1,
        "handed_off": 1,
        "superseded": 1,
    }
    assert attempts_of(conversation) == {2: 1, 4: 2}
