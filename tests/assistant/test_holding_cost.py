"""What it costs in time to hold each sentence until it passed: whole turns, a streaming server."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from assistant import streaming
from assistant.models import Turn
from assistant.output_guard import OutputGuard
from assistant.turns import run_turn
from conversations.models import Site
from core.background import in_database_thread
from tests.llm.conftest import shipped_prices as shipped_prices  # noqa: PLC0414 - shared
from tests.llm.conftest import upstream as upstream  # noqa: PLC0414 - a shared fixture
from tests.upstream.server import UpstreamServer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("shipped_prices"),
]
QUESTION = "How many days do I have to return unused items?"
FIRST = "You can return unused items within 30 days of delivery, and the refunds take five days."
ANSWER = f"{FIRST} Standard shipping takes three working days and costs 5 euros."
FEED = OutputGuard.feed
TOKENS_PER_SECOND, CHARACTERS_PER_TOKEN = 50, 4


class Watch:
    """Notes how long after the model's first piece each piece of a preview was shown."""

    def __init__(self) -> None:
        self.begun = 0.0
        self.shown: list[tuple[float, str]] = []

    def note(self, _: object, event: dict[str, Any]) -> None:
        if event["type"] == "delta":
            self.shown.append((time.monotonic() - self.begun, event["text"]))


async def first_shown(
    ask: Callable[[str], Turn], monkeypatch: pytest.MonkeyPatch, *, hold: bool
) -> tuple[float, str]:
    """Return when the first piece of an answer was shown, and the piece."""
    await Site.objects.aupdate(hold_sentences=hold)
    turn = await in_database_thread(ask)(QUESTION)
    watch = Watch()

    def feed(guard: OutputGuard, piece: str) -> str:
        watch.begun = watch.begun or time.monotonic()
        return FEED(guard, piece)

    monkeypatch.setattr(streaming, "publish_soon", watch.note)
    monkeypatch.setattr(OutputGuard, "feed", feed)
    await run_turn(turn.pk)
    shown = "".join(text for _, text in watch.shown)
    # What the stored message overtakes is not shown before it.
    assert shown.startswith(FIRST)
    assert ANSWER.startswith(shown)
    return watch.shown[0]


@pytest.mark.parametrize("hold", [False, True])
async def test_first_piece_when_sentences_are_held_waits_for_the_first_to_end(
    ask: Callable[[str], Turn],
    upstream: UpstreamServer,
    monkeypatch: pytest.MonkeyPatch,
    hold: bool,
) -> None:
    upstream.behave(
        text=ANSWER,
        ttft_ms=400,
        tokens_per_s=TOKENS_PER_SECOND,
        piece=CHARACTERS_PER_TOKEN,
    )
    seconds, piece = await first_shown(ask, monkeypatch, hold=hold)
    print(f"sentences held: {hold}; first shown after {seconds:.2f} s: {piece!r}")  # noqa: T201
    assert piece.startswith(FIRST) is hold
