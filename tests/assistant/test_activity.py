"""The heartbeat's races: it cancels what was lost, and nothing else."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from assistant.activity import beat, working_on
from assistant.claims import Claim, claim_turn, renew_leases
from assistant.models import Turn
from core.background import in_database_thread

pytestmark = pytest.mark.django_db(transaction=True)
Ask = Callable[[str], Turn]


def claimed(ask: Ask) -> Claim:
    claim = claim_turn(ask("How many days do I have to return unused items?").pk)
    assert claim is not None
    return claim


def beat_in_thread() -> None:
    """Beat beside this thread, and wait for it: what it asks of the loop comes after us."""

    def run() -> None:
        try:
            beat()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


async def until_cancelled(claim: Claim, *, entered: asyncio.Event) -> None:
    with working_on(claim):
        entered.set()
        await asyncio.Event().wait()


async def test_beat_when_the_claim_is_lost_cancels_the_turn(ask: Ask) -> None:
    claim = await in_database_thread(claimed)(ask)
    entered = asyncio.Event()
    task = asyncio.create_task(until_cancelled(claim, entered=entered))
    await entered.wait()
    await Turn.objects.filter(pk=claim.turn_pk).aupdate(fence=claim.fence + 1)
    await in_database_thread(beat)()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 10)


async def test_beat_when_the_turn_ended_meanwhile_cancels_nothing_after_it(ask: Ask) -> None:
    claim = await in_database_thread(claimed)(ask)
    with working_on(claim):
        await Turn.objects.filter(pk=claim.turn_pk).aupdate(state=Turn.State.DONE)
        beat_in_thread()
    await asyncio.sleep(0)  # the loop takes the heartbeat's request here
    await asyncio.sleep(0)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


def test_renewal_when_a_row_is_locked_passes_it_by_and_still_holds_it(ask: Ask) -> None:
    claim = claimed(ask)
    ended = timezone.now()
    Turn.objects.filter(pk=claim.turn_pk).update(lease_until=ended)
    pairs = [(claim.turn_pk, claim.fence)]
    with ThreadPoolExecutor(1) as thread:
        with transaction.atomic():
            Turn.objects.select_for_update().get(pk=claim.turn_pk)
            held = thread.submit(renew_leases, pairs).result(10)
        locked_until = Turn.objects.get(pk=claim.turn_pk).lease_until
        thread.submit(renew_leases, pairs).result(10)
        thread.submit(connections.close_all).result(10)
    assert (held, locked_until) == ({claim.turn_pk}, ended)
    assert Turn.objects.get(pk=claim.turn_pk).lease_until > ended


async def test_beat_when_a_loop_is_gone_still_looks_after_the_others(ask: Ask) -> None:
    claim = await in_database_thread(claimed)(ask)
    await Turn.objects.filter(pk=claim.turn_pk).aupdate(fence=claim.fence + 1)

    async def hold_on_a_loop_of_its_own() -> None:
        with working_on(claim):
            await asyncio.Event().wait()

    loop = asyncio.new_event_loop()
    held = loop.create_task(hold_on_a_loop_of_its_own())
    loop.call_soon(loop.stop)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    thread.join()
    loop.close()
    assert not held.done()
    await in_database_thread(beat)()
