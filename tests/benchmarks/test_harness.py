"""The harness measures what it says: stamps, percentiles, and a stream of the model's server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from benchmarks.figures import medians, percentile
from benchmarks.load import ask_at_random, ask_in_turn
from benchmarks.model import Model
from benchmarks.report import TARGETS, value_of, write
from benchmarks.running import Outcome
from benchmarks.stamps import find_stamp, stamp
from benchmarks.systems.floor import Floor
from benchmarks.systems.system import Place
from benchmarks.upstream import Pace, answer_words


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[Place, Model]]:
    async with aiohttp.ClientSession() as session, Model(tmp_path, session) as model:
        yield Place(tmp_path, model.url, session), model


@pytest.mark.parametrize("seconds", [0.0, 1.000001, 987_654.321098])
def test_stamp_is_found_again_among_words(seconds: float) -> None:
    assert find_stamp(f"{stamp(seconds)} and more") == pytest.approx(seconds, abs=1e-6)
    assert find_stamp("no stamp here, not even zqabc") is None


def test_percentiles_and_medians_of_known_values() -> None:
    assert percentile(range(101), 95) == 95
    assert percentile([7.0], 95) == 7
    assert medians([{"a": 1.0}, {"a": 5.0, "b": 2.0}, {"a": 3.0}]) == {"a": 3.0, "b": 2.0}


def test_target_against_a_peer_is_a_share_of_its_own() -> None:
    target = next(one for one in TARGETS if one.against)
    outcome = Outcome(figures={"crowd of product": {"cpu": 30.0}})
    assert value_of(target, outcome) is None
    outcome.figures["crowd of chainlit"] = {"cpu": 60.0}
    assert value_of(target, outcome) == 0.5


def test_part_that_is_measured_again_keeps_what_else_was_measured(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    first = Outcome(figures={"crowd of product": {"cpu": 30.0}, "quiet of product": {"p95": 70.0}})
    write(page, first, is_part=False)
    write(page, Outcome(figures={"quiet of product": {"p95": 12.0}}), is_part=True)
    medians_of = json.loads(page.with_suffix(".json").read_text())["medians"]
    assert medians_of == {"crowd of product": {"cpu": 30.0}, "quiet of product": {"p95": 12.0}}
    assert "| the same at 20 messages/s | 40 ms | 12 ms | met |" in page.read_text()


def test_answer_quotes_prose_of_the_prompt_and_no_headings() -> None:
    passage = "[1] Returns\nYou can send anything back within thirty days of the delivery."
    words = answer_words([{"role": "user", "content": passage}], count=30)
    assert len(words) == 30
    assert words[:3] == ["You", "can", "send"]


async def test_floor_sees_every_token_at_the_pace_that_is_set(place: tuple[Place, Model]) -> None:
    where, model = place
    await model.set_pace(Pace(first_after=0.05, per_second=200, tokens=40))
    chat = Floor(where).chat()
    pieces = [piece async for piece in chat.ask("anything")]
    assert len([piece for piece in pieces if piece]) == 40
    started = time.monotonic()
    seen = await ask_in_turn(chat, ["one", "two"], pause=0)
    assert time.monotonic() - started > 2 * (0.05 + 39 / 200)
    assert (seen.asked, seen.answered, seen.unstamped, seen.lost) == (2, 2, 0, 0)
    assert 0 < min(seen.added) < 0.05


async def test_arrivals_never_meet_a_busy_chat(place: tuple[Place, Model]) -> None:
    where, model = place
    await model.set_pace(Pace(first_after=0.3, per_second=0, tokens=5))
    chats = [Floor(where).chat() for _ in range(3)]
    asked = [str(number) for number in range(200)]
    async with asyncio.timeout(10):
        seen = await ask_at_random(chats, asked, per_second=100, seconds=0.5, seed=1)
    assert 3 <= seen.asked <= 6
    assert seen.lost == 0
