"""What is measured, a module each; `MEASURES` names them in the order in which they are run."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from benchmarks.bench import Bench
from benchmarks.figures import Figures
from benchmarks.measures.acknowledgement import measure_acknowledgement
from benchmarks.measures.capacity import measure_capacity
from benchmarks.measures.first_token import measure_alone, measure_crowd
from benchmarks.measures.footprint import measure_footprint
from benchmarks.measures.idle_sockets import measure_idle_sockets
from benchmarks.measures.streams import measure_streams
from benchmarks.systems.system import System


class Run(Protocol):
    """Measures one system once; the seed makes each repeat another one."""

    def __call__(self, system: System, bench: Bench, *, seed: int) -> Awaitable[Figures]: ...


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure's name, what it does, and of which systems."""

    name: str
    run: Run
    is_for_crowds: bool = False
    # Of this product alone: the others have nothing of the kind.
    is_ours: bool = False
    is_once: bool = False

    def is_for(self, system: type[System]) -> bool:
        """Whether systems of this kind can be measured so."""
        if self.is_ours:
            return system.name == "product"
        return system.is_for_crowds or not self.is_for_crowds


MEASURES: Sequence[Measure] = (
    # First: what others leave free would not be seen to be taken.
    Measure("idle sockets", measure_idle_sockets, is_ours=True, is_once=True),
    Measure("alone", measure_alone),
    Measure("crowd", measure_crowd, is_for_crowds=True),
    Measure("acknowledgement", measure_acknowledgement, is_ours=True),
    Measure("quiet", partial(measure_acknowledgement, per_second=20), is_ours=True),
    Measure("footprint", measure_footprint, is_ours=True, is_once=True),
    Measure("streams", measure_streams, is_ours=True, is_once=True),
    Measure("peak hour", measure_capacity, is_ours=True, is_once=True),
)
