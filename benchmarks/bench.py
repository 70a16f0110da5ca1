"""What a measure gets to work with."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import nan

from benchmarks.figures import Figures
from benchmarks.model import Model
from benchmarks.systems.system import System


@dataclass(frozen=True, slots=True)
class Bench:
    """The model's server, and how thoroughly to measure."""

    model: Model
    is_quick: bool = False


@dataclass
class Spent:
    """What a while cost: seconds, and the processor's by part; the harness's own as a share."""

    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    harness_share: float = 0.0

    def of_turns(self, turns: int) -> Figures:
        """Return the processor's seconds for a thousand turns, in all and by part."""
        scale = 1000 / turns if turns else nan
        parts = {f"cpu of {part}": used * scale for part, used in self.cpu.items()}
        return {"cpu": sum(parts.values()), **(parts if len(parts) > 1 else {})}


@contextmanager
def spending(system: System, model: Model) -> Iterator[Spent]:
    """Watch what a system and the harness use meanwhile."""
    spent = Spent()
    began, before = time.monotonic(), system.cpu()
    own = time.process_time() + model.cpu()
    yield spent
    spent.seconds = time.monotonic() - began
    spent.cpu = {part: used - before.get(part, 0.0) for part, used in system.cpu().items()}
    spent.harness_share = (time.process_time() + model.cpu() - own) / spent.seconds
