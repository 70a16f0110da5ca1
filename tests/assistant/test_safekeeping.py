"""What running answers show is saved together, and each on its own terms."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from assistant import safekeeping
from assistant.claims import Claim, claim_turn
from assistant.models import Turn
from assistant.safekeeping import HasPreview, saving
from assistant.streaming import Preview
from conversations.models import Conversation
from conversations.services import start_conversation
from core.background import in_database_thread
from tests.customers import say
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)
Claims = Callable[[], Claim]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safekeeping, "SAVE_SECONDS", 0.05)


@pytest.fixture
def claims(conversation: Conversation, articles: None) -> Claims:
    """Return a claim of a conversation's first turn, another conversation each time."""

    def make() -> Claim:
        other = start_conversation(conversation.site)[0]
        say(other, "How do I return shoes?")
        claim = claim_turn(Turn.objects.get(conversation=other).pk)
        assert claim is not None
        return claim

    return make


def writer_of(claim: Claim, text: str) -> HasPreview:
    preview = Preview(claim, attempt=claim.attempt * 10)
    preview.text = text
    return SimpleNamespace(preview=preview)


async def saved(claim: Claim) -> str:
    return (await Turn.objects.aget(pk=claim.turn_pk)).partial_text


async def show(claim: Claim, text: str) -> None:
    with saving(writer_of(claim, text), claim=claim):
        await asyncio.Event().wait()


async def end(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_texts_of_all_running_answers_are_saved_each_with_its_turn(claims: Claims) -> None:
    first, second = [await in_database_thread(claims)() for _ in range(2)]
    tasks = [
        asyncio.create_task(show(first, "Shoes come back")),
        asyncio.create_task(show(second, 'Within "30" days, {free}\n')),
    ]

    async def is_saved() -> bool:
        texts = [await saved(first), await saved(second)]
        return texts == ["Shoes come back", 'Within "30" days, {free}\n']

    await until(is_saved)
    await end(*tasks)
    assert await saved(first) == "Shoes come back"


async def test_lost_claim_cancels_its_own_answer_alone_and_saves_nothing(claims: Claims) -> None:
    lost, held = [await in_database_thread(claims)() for _ in range(2)]
    await Turn.objects.filter(pk=lost.turn_pk).aupdate(fence=lost.fence + 1)
    late = asyncio.create_task(show(lost, "too late"))
    going = asyncio.create_task(show(held, "goes on"))
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(late, 10)
    assert await saved(lost) == ""
    assert await saved(held) == "goes on"
    assert not going.done()
    await end(going)


async def test_locked_row_keeps_no_other_from_being_saved(claims: Claims) -> None:
    locked, free = [await in_database_thread(claims)() for _ in range(2)]
    is_locked, may_end = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hold() -> None:
        with transaction.atomic():
            Turn.objects.select_for_update().get(pk=locked.turn_pk)
            loop.call_soon_threadsafe(is_locked.set)
            asyncio.run_coroutine_threadsafe(may_end.wait(), loop).result(10)
        connection.close()

    holding = asyncio.create_task(asyncio.to_thread(hold))
    await is_locked.wait()
    tasks = [asyncio.create_task(show(one, "shown")) for one in (locked, free)]

    async def is_saved() -> bool:
        return await saved(free) == "shown"

    await until(is_saved, seconds=1.5)
    assert await saved(locked) == ""
    # It is still held, only not free.
    assert not any(task.done() for task in tasks)
    may_end.set()
    await holding
    await end(*tasks)
