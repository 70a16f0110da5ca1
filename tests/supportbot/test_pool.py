"""A task is acknowledged once its coroutine has ended, however it ended."""

import asyncio

import pytest

from core.background import run_async
from supportbot.pool import AsyncTaskPool


async def run(events: list[str], *, fails: bool) -> None:
    async def turn() -> None:
        await asyncio.sleep(0)
        events.append("ended")
        if fails:
            raise RuntimeError("the turn failed")

    def target() -> str:
        run_async(turn())
        return "result"

    await AsyncTaskPool(limit=1)._run(target, (), {}, lambda result: events.append(str(result)))


@pytest.mark.parametrize("fails", [False, True])
async def test_task_is_acknowledged_after_its_turn_ended(fails: bool) -> None:
    events: list[str] = []
    await run(events, fails=fails)
    assert events == ["ended", "result"]


async def test_failing_turn_does_not_keep_the_next_ones_from_running() -> None:
    events: list[str] = []

    async def failing() -> None:
        raise RuntimeError("the first failed")

    async def second() -> None:
        events.append("second")

    def target() -> None:
        run_async(failing())
        run_async(second())

    await AsyncTaskPool(limit=1)._run(target, (), {}, lambda _: events.append("acknowledged"))
    assert events == ["second", "acknowledged"]
