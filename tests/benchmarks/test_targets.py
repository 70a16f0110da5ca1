"""The table of targets: what is met, missed, and not measured."""

import math

import pytest

from benchmarks.bench import Spent
from benchmarks.figures import Figures, difference, known, percentile
from benchmarks.running import Outcome
from benchmarks.targets import TARGETS, targets_table

CROWD: Figures = {"added p95": 90.0, "turns": 126, "without the model": 3, "lost": 0}


def row(what: str, **figures: Figures) -> list[str]:
    """Return a target's cells, ``crowd_of_product`` being the figures of that name."""
    named = {name.replace("_", " "): found for name, found in figures.items()}
    lines = targets_table(Outcome(figures=named)).splitlines()
    line = next(one for one in lines if one.startswith(f"| {what} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_percentile_of_nothing_is_no_figure() -> None:
    assert math.isnan(percentile([], 95))
    # Pages of other figures write it as it is.
    assert f"{percentile([], 95):.1f}" == "nan"
    assert known({"p95": percentile([], 95), "lost": 0}) == {"lost": 0}


def test_cpu_of_no_turns_is_no_figure() -> None:
    spent = Spent(cpu={"web": 1.0, "worker": 2.0})
    assert known(spent.of_turns(0)) == {}
    assert spent.of_turns(500)["cpu"] == 6


def test_target_tells_what_it_rests_on() -> None:
    told = row("added to the first token, 100 chats p95", crowd_of_product=CROWD)
    assert told[:2] == ["150 ms", "90 ms"]
    assert told[2].startswith("123 turns by the model")
    assert told[3] == "met"


@pytest.mark.parametrize("asked", [0, 3])
def test_turns_that_no_model_answered_meet_no_target(asked: int) -> None:
    figures = CROWD | {"added p95": 0.0, "without the model": 126 - asked}
    told = row("added to the first token, 100 chats p95", crowd_of_product=figures)
    assert told[1] == "not measured"
    assert told[2].startswith(f"{asked} turns by the model")
    assert told[3] == ""


def test_few_sockets_are_not_five_thousand() -> None:
    figures: Figures = {"sockets": 3, "kB a socket": 20.0, "core %": 0.1}
    for what in ("idle socket", "5,000 idle sockets, web process"):
        told = row(what, idle_sockets_of_product=figures)
        assert told[1:] == ["not measured", "3 sockets", ""]


def test_few_messages_and_views_are_not_measured() -> None:
    figures: Figures = {"messages": 4000, "views": 2, "p95": 9.0, "agent p99": 90.0}
    told = row("acknowledgement at 100 messages/s, p95", acknowledgement_of_product=figures)
    assert told[3] == "met"
    told = row("an agent's view meanwhile, p99", acknowledgement_of_product=figures)
    assert told[1] == "not measured"
    figures |= {"messages": 0, "views": 100}
    told = row("an agent's view meanwhile, p99", acknowledgement_of_product=figures)
    assert told[1] == "not measured"


def test_share_of_a_peer_without_turns_is_not_measured() -> None:
    peer = CROWD | {"cpu": 50.0, "turns": 0, "without the model": 0}
    told = row(
        "CPU of full turns, Chainlit's being 1",
        crowd_of_product=CROWD | {"cpu": 30.0},
        crowd_of_chainlit=peer,
    )
    assert told[1] == "not measured"
    assert "chainlit: 0 turns by the model" in told[2]


def test_lost_streams_miss_their_target_however_many() -> None:
    figures: Figures = {"streams": 300, "lost": 300}
    told = row("300 streams on one worker: lost", streams_of_product=figures)
    assert told[1:] == ["300", "300 streams", "**missed**"]


def test_figures_of_before_counts_were_kept_are_judged_and_say_so() -> None:
    figures: Figures = {"messages": 4020, "agent p99": 101.0}
    told = row("an agent's view meanwhile, p99", acknowledgement_of_product=figures)
    assert told[1] == "101 ms"
    assert "views not counted" in told[2]
    assert told[3] == "met"


@pytest.mark.parametrize(
    ("value", "noise", "told"),
    [
        (-0.73, None, ["not told from none", ""]),
        (-0.73, 0.4, ["not told from none (± 0.73 % of a core)", "met"]),
        (0.3, 0.5, ["not told from none (± 0.5 % of a core)", "met"]),
        (0.3, 0.8, ["not told from none (± 0.8 % of a core)", ""]),
        (-2.0, 0.1, ["not told from none (± 2 % of a core)", ""]),
        (0.6, 0.5, ["0.6 % of a core", "met"]),
        (1.6, 0.5, ["1.6 % of a core", "**missed**"]),
    ],
)
def test_difference_below_its_noise_is_not_told_from_none(
    value: float, noise: float | None, told: list[str]
) -> None:
    figures: Figures = {"sockets": 5000, "core % of all processes": value}
    if noise is not None:
        figures["core % of all processes noise"] = noise
    found = row("the same, all processes", idle_sockets_of_product=figures)
    assert [found[1], found[3]] == told


def test_memory_that_was_given_back_is_not_what_a_socket_takes() -> None:
    figures: Figures = {"sockets": 5000, "kB a socket": -3.0}
    assert row("idle socket", idle_sockets_of_product=figures)[1] == "not told from none"


def test_noise_of_a_difference_is_twice_its_standard_error() -> None:
    assert difference([3.0, 3.0], [2.0, 2.0]) == (1.0, 0.0)
    more, noise = difference([2.0, 4.0], [1.0, 3.0])
    # Either mean varies by 1: two parted by that are no more apart than chance.
    assert (more, noise) == (1.0, pytest.approx(2 * 2**0.5))


@pytest.mark.parametrize(
    ("dropped", "value", "verdict"),
    [
        (2, 90.0, "met"),
        (3, 90.0, "**not measured at this load**"),
        # Less would have been asked of it, and it missed what is aimed at all the same.
        (3, 900.0, "**missed**"),
    ],
)
def test_target_is_not_met_at_a_lower_load(dropped: int, value: float, verdict: str) -> None:
    figures = CROWD | {"dropped": dropped, "added p95": value}
    told = row("added to the first token, 100 chats p95", crowd_of_product=figures)
    assert told[2:] == [f"123 turns by the model, {dropped} dropped", verdict]


def test_target_against_a_peer_is_not_met_where_the_peer_had_a_lower_load() -> None:
    told = row(
        "CPU of full turns, Chainlit's being 1",
        crowd_of_product=CROWD | {"cpu": 30.0, "dropped": 0},
        crowd_of_chainlit=CROWD | {"cpu": 50.0, "dropped": 60},
    )
    assert told[3] == "**not measured at this load**"


def test_arrivals_that_were_not_counted_are_not_told_as_none() -> None:
    told = row("added to the first token, 100 chats p95", crowd_of_product=CROWD)
    assert told[2:] == ["123 turns by the model, dropped not counted", "met"]


def test_every_target_names_what_it_rests_on() -> None:
    assert all(target.rests_on for target in TARGETS)
