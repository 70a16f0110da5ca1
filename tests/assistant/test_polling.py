"""A worker's own look for turns takes what it has room for and leaves the rest to others."""

import asyncio
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from assistant import polling
from assistant.models import Turn
from conversations.models import Site
from conversations.services import start_conversation
from core.background import in_database_thread
from tests.customers import say

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = 10


def wait_long(site: Site, *, queued: int, died: int) -> None:
    """Leave so many turns due whose task was lost, and so many whose worker died."""
    for _ in range(queued + died):
        say(start_conversation(site)[0], "Where is it?")
    long_ago = Now() - timedelta(seconds=5)
    Turn.objects.update(next_publish_at=long_ago)
    dead = Turn.objects.order_by("pk").values("pk")[:died]
    Turn.objects.filter(pk__in=dead).update(state="running", attempt=1, lease_until=long_ago)


@pytest.mark.parametrize(("queued", "died"), [(4, 0), (0, 4), (1, 3)])
async def test_poll_leaves_to_other_workers_what_it_has_no_room_for(
    site: Site, monkeypatch: pytest.MonkeyPatch, queued: int, died: int
) -> None:
    begun: list[int] = []
    is_full = asyncio.Event()

    async def work_on(turn_pk: int) -> None:
        begun.append(turn_pk)
        if len(begun) == 2:
            is_full.set()

    await in_database_thread(wait_long)(site, queued=queued, died=died)
    monkeypatch.setattr(polling, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(polling, "run_turn", work_on)
    monkeypatch.setattr(polling, "working_count", lambda: LIMIT - 2 + len(begun))
    poll = asyncio.create_task(polling.poll_forever(limit=LIMIT))
    await asyncio.wait_for(is_full.wait(), 10)
    poll.cancel()
    left = Turn.objects.exclude(pk__in=begun)
    assert [one.publish_count async for one in left] == [0, 0]
    assert await left.filter(next_publish_at__lt=Now()).acount() == 2
