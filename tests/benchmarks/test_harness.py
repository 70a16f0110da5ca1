"""The harness measures what it says: stamps, percentiles, and a stream of the model's server."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from benchmarks.figures import Figures, medians, percentile
from benchmarks.load import Chat, Seen, ask, ask_at_random, ask_in_turn
from benchmarks.measures import acknowledgement
from benchmarks.measures.first_token import first_token_of
from benchmarks.model import Model
from benchmarks.report import write
from benchmarks.running import Outcome
from benchmarks.stamps import Stamps, find_stamps
from benchmarks.systems.floor import Floor
from benchmarks.systems.product import Visit
from benchmarks.systems.system import Place
from benchmarks.targets import TARGETS, value_of
from benchmarks.upstream import Pace, answer_words


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[Place, Model]]:
    async with aiohttp.ClientSession() as session, Model(tmp_path, session) as model:
        yield Place(tmp_path, model.url, session), model


class SlowChat:
    """Waits before it passes a question on, and before it passes the answer on."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self.open, self.close = chat.open, chat.close

    async def ready(self) -> None:
        await asyncio.sleep(0.5)

    async def ask(self, question: str) -> AsyncGenerator[str, None]:
        await asyncio.sleep(0.1)
        async for piece in self._chat.ask(question):
            await asyncio.sleep(0.2 if piece else 0)
            yield piece


@pytest.mark.parametrize("seconds", [0.0, 1.000001, 987_654.321098])
def test_stamps_are_found_again_among_words(seconds: float) -> None:
    found = find_stamps(f'{{"answer":"{Stamps(seconds, seconds + 0.25)} and more')
    assert found is not None
    assert found.read == pytest.approx(seconds, abs=1e-6)
    assert found.written == pytest.approx(seconds + 0.25, abs=1e-6)


def test_stamps_are_not_found_before_both_are_whole() -> None:
    assert find_stamps("no stamp here, not even zqabc") is None
    assert find_stamps(str(Stamps(1.0, 2.0))[:-1]) is None


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


def test_target_of_another_system_is_read_from_its_own_figures() -> None:
    target = next(one for one in TARGETS if one.system == "pipeline")
    outcome = Outcome(figures={"alone of product": {"alone added p50": 30.0}})
    assert value_of(target, outcome) is None
    outcome.figures["alone of pipeline"] = {"alone added p50": 11.0}
    assert value_of(target, outcome) == 11.0


def test_part_that_is_measured_again_keeps_what_else_was_measured(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    first = Outcome(figures={"crowd of product": {"cpu": 30.0}, "quiet of product": {"p95": 70.0}})
    write(page, first, is_part=False)
    write(page, Outcome(figures={"quiet of product": {"p95": 12.0}}), is_part=True)
    medians_of = json.loads(page.with_suffix(".json").read_text())["medians"]
    assert medians_of == {"crowd of product": {"cpu": 30.0}, "quiet of product": {"p95": 12.0}}
    rests_on = "messages not counted, dropped not counted"
    assert f"| the same at 20 messages/s | 40 ms | 12 ms | {rests_on} | met |" in page.read_text()


def test_page_is_written_of_rows_with_dropped_arrivals_and_without(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    old: Figures = {"turns": 126, "without the model": 0, "lost": 0, "added p50": 9.0}
    new: Figures = {"turns": 125, "without the model": 2, "lost": 1, "dropped": 7}
    titles = {"relay": "a relay", "product": "the product"}
    write(page, Outcome(figures={"crowd of relay": old}, titles=titles), is_part=False)
    write(page, Outcome(figures={"crowd of product": new}), is_part=True)
    lines = page.read_text().splitlines()
    assert next(one for one in lines if "| a relay |" in one).endswith("| 0 / - / 0 / 126 |")
    told = next(one for one in lines if "| the product |" in one)
    assert told.endswith("| 1 / 7 / 2 / 125 |")
    # Nothing came in time from the model, and nothing is told of it.
    assert "| - | - | - | - |" in told


def test_what_failed_is_forgotten_once_it_was_measured(tmp_path: Path) -> None:
    page = tmp_path / "speed.md"
    failures = ["peak hour of product, repeat 1: TimeoutError", "alone of relay, repeat 2: OSError"]
    write(page, Outcome(failures=failures), is_part=False)
    write(page, Outcome(figures={"peak hour of product": {"lost": 0.0}}), is_part=True)
    stored = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert stored["failures"] == failures[1:]


def test_answer_quotes_prose_of_the_prompt_and_no_headings() -> None:
    passage = "[1] Returns\nYou can send anything back within thirty days of the delivery."
    words = answer_words([{"role": "user", "content": passage}], count=30)
    assert len(words) == 30
    assert words[:3] == ["You", "can", "send"]


async def test_floor_sees_every_token_at_the_pace_that_is_set(place: tuple[Place, Model]) -> None:
    where, model = place
    await model.set_pace(Pace(first_after=0.3, per_second=200, tokens=40))
    chat = Floor(where).chat()
    pieces = [piece async for piece in chat.ask("anything")]
    assert len([piece for piece in pieces if piece]) == 40
    started = time.monotonic()
    seen = await ask_in_turn(chat, ["one", "two"], pause=0)
    assert time.monotonic() - started > 2 * (0.3 + 39 / 200)
    assert (seen.asked, seen.answered, seen.unstamped, seen.lost) == (2, 2, 0, 0)
    # Without the model's own wait, on a slow machine too.
    assert 0 < min(seen.before) < 0.3
    assert 0 < min(seen.after) < 0.3


async def test_added_is_what_lies_before_the_model_and_after_it(
    place: tuple[Place, Model],
) -> None:
    where, model = place
    await model.set_pace(Pace(first_after=0.3, per_second=0, tokens=5))
    seen = await ask_in_turn(SlowChat(Floor(where).chat()), ["one"], pause=0)
    # The model's own 0.3 s would show in either; a busy machine adds less than that.
    assert 0.1 <= seen.before[0] < 0.4
    assert 0.2 <= seen.after[0] < 0.5
    assert seen.added == [seen.before[0] + seen.after[0]]
    assert first_token_of(seen)["added p50"] == pytest.approx(1000 * seen.added[0], abs=0.1)


async def test_arrivals_never_meet_a_busy_chat(place: tuple[Place, Model]) -> None:
    where, model = place
    await model.set_pace(Pace(first_after=0.3, per_second=0, tokens=5))
    chats = [Floor(where).chat() for _ in range(3)]
    asked = [str(number) for number in range(200)]
    async with asyncio.timeout(10):
        seen = await ask_at_random(chats, asked, per_second=100, seconds=0.5, seed=1)
    assert 3 <= seen.asked <= 6
    assert seen.lost == 0
    # Some fifty came, and whoever found no chat idle is not forgotten.
    assert 20 <= seen.asked + seen.dropped <= 90


async def test_messages_that_find_every_customer_waiting_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def say(visit: Visit, text: str) -> float:
        del visit, text
        await asyncio.sleep(0.3)
        return 0.3

    monkeypatch.setattr(acknowledgement, "say", say)
    monkeypatch.setattr(acknowledgement, "SECONDS", 0.5)
    async with aiohttp.ClientSession() as session:
        visits = [Visit("http://nowhere", session) for _ in range(2)]
        took, dropped = await acknowledgement._say_at_random(visits, 100, seed=1)
    assert 2 <= len(took) <= 4
    assert 5 <= len(took) + dropped <= 90


@pytest.mark.parametrize("is_whole", [True, False])
async def test_an_answer_that_began_and_did_not_stay_is_lost(
    monkeypatch: pytest.MonkeyPatch, *, is_whole: bool
) -> None:
    begin = f"{Stamps(1.0, 2.0)} and"
    kept = f"{begin} more" if is_whole else "From our articles: more"
    reply = {"type": "message", "author": {"kind": "assistant"}, "text": kept}
    async with aiohttp.ClientSession() as session:
        visit = Visit("http://nowhere", session)
        visit.status = "assistant"
        said: list[dict[str, object]] = []

        async def send(**frame: object) -> None:
            said.append(frame)

        monkeypatch.setattr(visit, "send", send)
        for frame in ({"type": "delta", "text": begin}, reply):
            visit._frames.put_nowait(frame)
        seen = Seen()
        monkeypatch.setattr(visit, "ready", lambda: asyncio.sleep(0))
        await ask(visit, "Where?", seen)
    assert [frame["text"] for frame in said] == ["Where?"]
    assert (seen.lost, seen.answered) == (0, 1) if is_whole else (1, 0)
