"""Which systems a run starts, and what it does where there is nothing to run."""

from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks import running
from benchmarks.bench import Bench
from benchmarks.figures import Figures, percentile
from benchmarks.load import Chat
from benchmarks.measures import MEASURES, Measure
from benchmarks.running import Plan, run
from benchmarks.systems.chainlit import Chainlit
from benchmarks.systems.product import Product
from benchmarks.systems.system import System
from benchmarks.systems.tutorial import Tutorial

STARTED: list[str] = []


class Idle(System):
    """Does nothing but say that it was started."""

    title = "idle"

    async def start(self) -> None:
        STARTED.append(self.name)

    def chat(self) -> Chat:
        raise NotImplementedError


class Ours(Idle):
    name = "product"


class Peer(Idle):
    name = "peer"


async def measure_nothing(system: System, bench: Bench, *, seed: int) -> Figures:
    del system, bench, seed
    return {"turns": 0, "p95": percentile([], 95)}


@pytest.mark.parametrize(("is_ours", "names"), [(True, ["product"]), (False, ["product", "peer"])])
async def test_only_systems_that_are_measured_are_started(
    tmp_path: Path, is_ours: bool, names: list[str]
) -> None:
    STARTED.clear()
    measure = Measure("nothing", measure_nothing, is_ours=is_ours)
    outcome = await run(Plan(systems=[Ours, Peer], measures=[measure], repeats=1), tmp_path)
    assert names == STARTED
    assert outcome.figures == {f"nothing of {name}": {"turns": 0} for name in names}


def test_measures_of_the_product_are_for_no_peer() -> None:
    ours = next(one for one in MEASURES if one.name == "peak hour")
    assert [ours.is_for(kind) for kind in (Product, Chainlit)] == [True, False]
    crowd = next(one for one in MEASURES if one.name == "crowd")
    assert [crowd.is_for(kind) for kind in (Product, Tutorial)] == [True, False]


@pytest.mark.parametrize(
    "options",
    [
        ["--only", "nosuch"],
        ["--system", "nosuch"],
        ["--only", "peak hour", "--system", "relay"],
        ["--repeats", "0"],
    ],
)
def test_nothing_to_measure_is_an_error(
    monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    async def never(plan: Plan, folder: Path) -> running.Outcome:
        raise AssertionError(plan, folder)

    monkeypatch.setattr(command, "run", never)
    monkeypatch.setattr("sys.argv", ["benchmarks", *options])
    with pytest.raises(SystemExit) as ended:
        command.main()
    # A text is what Python prints to the error stream before it ends with 1.
    assert isinstance(ended.value.code, str)
    assert "nothing to measure" in ended.value.code
