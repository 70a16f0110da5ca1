"""Which messages stay in a prompt: few changes of its beginning, and no gap before a summary."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.history import first_kept, newest_within, to_summarise

SHARE = 750
COUNTS = st.lists(st.integers(min_value=1, max_value=260), max_size=80)


def starts(counts: Sequence[int]) -> list[int]:
    """The first message kept, after each message."""
    return [first_kept(counts[:end], share=SHARE) for end in range(1, len(counts) + 1)]


def test_everything_stays_while_it_fits() -> None:
    assert first_kept([100] * 7, share=SHARE) == 0
    assert to_summarise([], share=SHARE, summarised=0) == 0


def test_many_are_dropped_at_once_and_then_none_for_turns() -> None:
    assert starts([100] * 16) == [0] * 7 + [4] * 4 + [8] * 4 + [12]


@given(COUNTS)
def test_what_is_kept_never_exceeds_the_share(counts: list[int]) -> None:
    for end, start in enumerate(starts(counts), start=1):
        assert sum(counts[start:end]) <= SHARE


@given(COUNTS)
def test_start_never_goes_back(counts: list[int]) -> None:
    found = starts(counts)
    assert found == sorted(found)


@given(COUNTS)
def test_a_drop_leaves_room_for_turns_to_come(counts: list[int]) -> None:
    found = starts(counts)
    for end in range(1, len(counts)):
        if found[end] > found[end - 1]:
            assert sum(counts[found[end] : end + 1]) <= SHARE * 0.6


@given(st.lists(st.integers(min_value=1, max_value=75), max_size=80))
def test_what_is_dropped_was_summarised_before(counts: list[int]) -> None:
    """With messages of up to a tenth of the share, and a summary made between two messages."""
    summarised = 0
    for end in range(1, len(counts) + 1):
        assert first_kept(counts[:end], share=SHARE) <= summarised
        due = to_summarise(counts[:end], share=SHARE, summarised=summarised)
        summarised = max(summarised, due)


def test_summaries_are_far_apart() -> None:
    summarised, made = 0, 0
    counts = [50] * 100
    for end in range(1, len(counts) + 1):
        due = to_summarise(counts[:end], share=SHARE, summarised=summarised)
        made += due > 0
        summarised = max(summarised, due)
    assert made <= 15


@pytest.mark.parametrize(("tokens", "first"), [(0, 3), (30, 2), (59, 2), (60, 1), (1_000, 0)])
def test_newest_messages_are_counted_from_the_end(tokens: int, first: int) -> None:
    assert newest_within([30, 30, 30], tokens=tokens) == first
