"""The rules that send a message to people, by tables."""

import pytest

from escalation.defaults import DEFAULT_RULES
from escalation.models import FlagRule, HandOff
from escalation.phrases import find_phrase
from escalation.policy import find_flag, hand_off_text, is_repeated

RULES = [
    FlagRule(name=name, kind=kind, phrases=list(phrases), customer_text=text)
    for name, kind, phrases, text in DEFAULT_RULES
]
Reason = HandOff.Reason


@pytest.mark.parametrize(
    ("text", "reason", "urgency"),
    [
        ("I want to talk to a person", Reason.ASKED_FOR_PERSON, 3),
        ("human, please - get me a human", Reason.ASKED_FOR_PERSON, 3),
        ("I will SUE you", Reason.FLAGGED, 2),
        ("my Lawyer will write", Reason.FLAGGED, 2),
        ("I don\u2019t want to live anymore", Reason.FLAGGED, 1),
        ("talk to a human or I'll bomb the shop", Reason.FLAGGED, 1),
        ("this is ridiculous", Reason.NEGATIVE_SENTIMENT, 2),
        ("WHERE IS MY ORDER FOR HEAVEN'S SAKE!!!", Reason.NEGATIVE_SENTIMENT, 2),
        ("Do you sell personal locator beacons?", None, None),
        ("is the skill set included", None, None),
        ("the scampi recipe", None, None),
    ],
)
def test_find_flag_by_table(text: str, reason: HandOff.Reason | None, urgency: int | None) -> None:
    flag = find_flag(text, rules=RULES)
    assert (flag.reason if flag else None) == reason
    assert (int(flag.urgency) if flag else None) == urgency


@pytest.mark.parametrize(
    ("text", "phrases", "found"),
    [
        ("Don\u2019t SUE me", ["sue", "don't"], "sue"),
        ("we sued", ["sue"], None),
        ("we sued", ["lawyer", "sue*"], "sue*"),
        ("talk  to\na person", ["talk to a person|robot", "to a person"], "to a person"),
        ("a (b) c", ["(b", "[c"], "(b"),
        ("anything", [], None),
    ],
)
def test_first_phrase_that_stands_in_a_text_is_found(
    text: str, phrases: list[str], found: str | None
) -> None:
    assert find_phrase(text, phrases=phrases) == found


@pytest.mark.parametrize(
    ("question", "answered", "expected"),
    [
        ("How do I return a jacket?", ["how do i return a jacket"], True),
        ("how do I return the jacket", ["How can I return a jacket?"], False),
        ("and for shoes?", ["how do i return a jacket"], False),
        ("ok", ["ok"], False),
        ("Where is my order HP-1", [], False),
    ],
)
def test_is_repeated_by_table(question: str, answered: list[str], expected: bool) -> None:
    assert is_repeated(question, answered=answered) is expected


def test_hand_off_text_when_nobody_is_online_says_so() -> None:
    text = hand_off_text(
        Reason.ASKED_FOR_PERSON, customer_text="", people_online=False, offline_text="Nobody here."
    )
    assert text.endswith("Nobody here.")
    online = hand_off_text(
        Reason.ASKED_FOR_PERSON, customer_text="", people_online=True, offline_text="Nobody here."
    )
    assert "Nobody here." not in online
