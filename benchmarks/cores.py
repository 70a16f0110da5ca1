"""Which core does what, and what processes have used: the system under test has one to itself."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import psutil

TESTED, HARNESS = 0, 1


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Run on one core meanwhile; what is started here stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core} & before or before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin(pids: Iterable[int], *, core: int) -> None:
    """Move these processes with all their children and threads to one core."""
    for pid in pids:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, ProcessLookupError):
                for thread in process.threads():
                    os.sched_setaffinity(thread.id, {core})


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return what these processes with all their children used, those included that ended."""
    return sum(_cpu_of_tree(pid) for pid in pids)


def memory_of(pid: int) -> int:
    """Return a process's resident memory in bytes."""
    return int(psutil.Process(pid).memory_info().rss)


def _cpu_of_tree(pid: int) -> float:
    total = 0.0
    root = psutil.Process(pid)
    for process in (root, *root.children(recursive=True)):
        # A database's backend may leave at any time; its parent then counts it.
        with suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total
