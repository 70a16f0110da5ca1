"""A few faults under load, as `make chaos QUICK=1` makes them."""

import random
from pathlib import Path

import pytest

from tests.chaos.arena import Arena
from tests.chaos.campaign import Work, run_faults
from tests.chaos.faults import FAULTS

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]


async def test_promises_when_processes_and_servers_die_under_load(tmp_path: Path) -> None:
    faults = [fault for fault in FAULTS for _ in range(fault.quick_times)]
    async with Arena(tmp_path) as arena:
        result = await run_faults(
            arena, "quick", faults, dice=random.Random(1), work=Work(50, per_second=5)
        )
    assert result.findings.is_clean, result.findings
    assert result.messages >= 100
    assert max(result.recovered) < float("inf")
