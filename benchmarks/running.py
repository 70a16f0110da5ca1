"""Runs the measures: systems interleaved in each repeat, medians over the repeats."""

import asyncio
import traceback
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import SubprocessError

import aiohttp

from benchmarks.bench import Bench
from benchmarks.cores import HARNESS, on_core
from benchmarks.figures import Figures, known, medians
from benchmarks.measures import Measure
from benchmarks.model import Model
from benchmarks.systems.chainlit import Chainlit
from benchmarks.systems.floor import Floor
from benchmarks.systems.open_webui import OpenWebUI
from benchmarks.systems.pipeline import Pipeline
from benchmarks.systems.product import Product
from benchmarks.systems.relay import Relay
from benchmarks.systems.system import Place, System
from benchmarks.systems.tutorial import Tutorial
from benchmarks.upstream import Pace

SYSTEMS: Sequence[type[System]] = (Floor, Product, Pipeline, Relay, Chainlit, OpenWebUI, Tutorial)
# The longest watches three minutes without sockets and three with five thousand, which it opens.
MEASURE_SECONDS = 540.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Which systems and measures, and how often."""

    systems: Sequence[type[System]]
    measures: Sequence[Measure]
    repeats: int = 3
    is_quick: bool = False

    def measured(self) -> list[type[System]]:
        """Return the systems that one of the measures is for."""
        return [
            kind for kind in self.systems if any(measure.is_for(kind) for measure in self.measures)
        ]


@dataclass
class Outcome:
    """The medians by system and measure, with every repeat; what failed; versions."""

    figures: dict[str, Figures] = field(default_factory=dict)
    repeats: dict[str, list[Figures]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)


async def run(plan: Plan, folder: Path) -> Outcome:
    """Start every system that is measured once, measure them by turns, and end them."""
    outcome = Outcome()
    connector = aiohttp.TCPConnector(limit=0)
    async with AsyncExitStack() as open_:
        session = await open_.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(None))
        )
        model = await open_.enter_async_context(Model(folder, session))
        # Systems may ask what the model can do before they are ready.
        await model.set_pace(Pace(first_after=0, per_second=0))
        place = Place(folder, model.url, session)
        systems = [
            system
            for kind in plan.measured()
            if (system := await _started(kind, place, open_, outcome)) is not None
        ]
        bench = Bench(model, plan.is_quick)
        with on_core(HARNESS):
            for repeat in range(plan.repeats):
                for measure in plan.measures:
                    for system in systems:
                        if measure.is_for(type(system)) and (repeat == 0 or not measure.is_once):
                            await _measure(measure, system, bench, repeat=repeat, outcome=outcome)
    outcome.figures = {name: medians(found) for name, found in outcome.repeats.items()}
    return outcome


async def _started(
    kind: type[System], place: Place, open_: AsyncExitStack, outcome: Outcome
) -> System | None:
    """Return a system that runs; one that does not start is named and left out."""
    system = kind(place)
    open_.push_async_callback(system.stop)
    try:
        await system.start()
        await system.rest()
    except (RuntimeError, AssertionError, OSError, SubprocessError) as error:
        outcome.failures.append(f"{system.name} did not start: {error}"[:1000])
        return None
    outcome.versions[system.name] = system.versions()
    outcome.titles[system.name] = system.title
    return system


async def _measure(
    measure: Measure, system: System, bench: Bench, *, repeat: int, outcome: Outcome
) -> None:
    name = f"{measure.name} of {system.name}"
    try:
        await system.wake()
        async with asyncio.timeout(MEASURE_SECONDS):
            found = known(await measure.run(system, bench, seed=repeat + 1))
    except (AssertionError, OSError, TimeoutError, aiohttp.ClientError) as error:
        why = "".join(traceback.format_exception_only(error)).strip()
        outcome.failures.append(f"{name}, repeat {repeat + 1}: {why}")
        print(outcome.failures[-1], flush=True)  # noqa: T201 - its output is what it is for
        return
    finally:
        await system.rest()
    outcome.repeats.setdefault(name, []).append(found)
    told = ", ".join(f"{what} {value:.4g}" for what, value in found.items())
    print(f"{name}: {told}", flush=True)  # noqa: T201 - its output is what it is for
