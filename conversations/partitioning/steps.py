"""The order of a conversion. Each step finds out what is left of it: a killed run goes on."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from conversations.partitioning import copying, swap, twin
from conversations.partitioning.catalog import TABLE, TWIN, Stage, find_stage, obstacles
from conversations.partitioning.catalog import references as find_references
from conversations.partitioning.database import run
from core.errors import Conflict

T = TypeVar("T")
Say = Callable[[str], None]
PARTITIONS = 16
BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operator may choose."""

    partitions: int = PARTITIONS
    batch: int = BATCH
    keep_old: bool = False


def partition_messages(plan: Plan, *, say: Say) -> None:
    """Convert the table of messages while it is used; raises ``Conflict`` where it can't."""
    stage = find_stage()
    say(f"{TABLE}: {stage.label}.")
    if stage in {Stage.PLAIN, Stage.COPYING}:
        _convert(plan, is_begun=stage == Stage.COPYING, say=say)
        stage = Stage.SWAPPED
    if stage == Stage.SWAPPED and not plan.keep_old:
        _timed("dropped the old table", swap.drop_retired, say=say)
    elif stage == Stage.DONE:
        say("Nothing is to be done.")


def abandon_conversion(*, say: Say) -> None:
    """Undo what a conversion did before its swap; raises ``Conflict`` past it."""
    stage = find_stage()
    if stage != Stage.COPYING:
        raise Conflict(f"{TABLE}: {stage.label}. There is nothing to abandon.")
    _timed("dropped the copy", twin.abandon, say=say)


def _convert(plan: Plan, *, is_begun: bool, say: Say) -> None:
    if found := obstacles():
        raise Conflict(f"It can't be converted with: {', '.join(found)}.")
    if not is_begun:
        what = f"made {plan.partitions} partitions and the trigger that fills them"
        _timed(what, lambda: twin.build_twin(plan.partitions), say=say)
    twin.check_columns()
    copied = _timed("copied what was there", lambda: copying.copy_rows(plan.batch), say=say)
    _timed("analysed the copy", lambda: run("ANALYZE {twin}", twin=TWIN), say=say)
    _add_references(say)
    what = "compared counts and checksums"
    compared = _timed(what, lambda: copying.compare_rows(plan.batch), say=say)
    say(f"{copied} rows were copied in this run, {compared} are equal.")
    locked = _timed("swapped the tables", swap.swap_tables, say=say)
    say(f"The swap held its locks for {locked:.3f} s.")


def _add_references(say: Say) -> None:
    for reference in find_references():
        if reference.has_conversation:
            what = f"{reference.label}: refers to a conversation's message"
            _timed(what, partial(swap.add_reference, reference), say=say)
        else:
            say(f"{reference.label}: its table has no conversation, so the key will be dropped.")


def _timed(what: str, work: Callable[[], T], *, say: Say) -> T:
    began = time.monotonic()
    result = work()
    say(f"{what}: {time.monotonic() - began:.2f} s")
    return result
