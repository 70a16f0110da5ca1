"""The table of a turn's steps: what it tells adds up."""

from benchmarks.turn import Costs


def test_rows_are_dearest_first_and_end_with_the_rest_and_all() -> None:
    costs = Costs(total=0.1)
    for name, seconds in (("claim", 0.01), ("plan", 0.03)):
        costs.cpu[name] = seconds
        costs.calls[name] = 2
        costs.statements[name] = 6
    rows = list(costs.rows(2))
    assert rows[0] == "| `plan` | 1.0 | 15.0 | 3.0 |"
    assert rows[1] == "| `claim` | 1.0 | 5.0 | 3.0 |"
    assert rows[2].endswith("| 1.0 | 30.0 | 0.0 |")
    assert rows[3] == "| **all** | 1.0 | 50.0 | 6.0 |"


def test_what_was_counted_while_it_warmed_up_is_gone() -> None:
    costs = Costs(total=0.1)
    costs.cpu["plan"] = 0.1
    costs.clear()
    assert list(costs.rows(1))[-1] == "| **all** | 1.0 | 0.0 | 0.0 |"
