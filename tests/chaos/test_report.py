"""Rows of two runs that write the same page at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.chaos.campaign import Result, Work
from tests.chaos.oracle import Findings
from tests.chaos.report import merge, row_of


def test_two_runs_lose_none_of_each_others_rows(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    names = [f"fault {number}" for number in range(40)]
    rows = [
        row_of(
            Result(name, 1, Findings(), messages=3, acknowledged=[0.1]),
            work=Work(1, per_second=1),
            seed=1,
            commit="abc",
        )
        for name in names
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda row: merge(page, [row]), rows))
    kept = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert sorted(row["name"] for row in kept) == sorted(names)
    assert all(f"| {name} |" in page.read_text(encoding="utf-8") for name in names)
