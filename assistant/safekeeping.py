"""Saves what running answers show, all of a process in one statement a second.

What viewers see comes by Redis; this is what a reload shows after Redis was lost.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from django.db import Error, connection

from assistant.claims import Claim
from assistant.streaming import Preview
from core.background import in_database_thread

logger = logging.getLogger(__name__)
SAVE_SECONDS = 1.0

# A row that another transaction holds is skipped, and comes with the next text.
SAVING = """
WITH shown AS (
    SELECT * FROM unnest(%s::bigint[], %s::int[], %s::text[]) AS shown(id, fence, text)
), free AS (
    SELECT turn.id FROM assistant_turn AS turn JOIN shown USING (id, fence)
    WHERE turn.state = 'running' FOR NO KEY UPDATE OF turn SKIP LOCKED
), saved AS (
    UPDATE assistant_turn AS turn SET partial_text = shown.text
    FROM shown JOIN free USING (id)
    WHERE turn.id = shown.id
)
SELECT turn.id FROM assistant_turn AS turn JOIN shown USING (id, fence)
WHERE turn.state = 'running'
"""


class HasPreview(Protocol):
    """Something whose current preview is worth keeping (a new attempt has a new one)."""

    preview: Preview


@dataclass(slots=True)
class _Watched:
    claim: Claim
    writer: HasPreview
    task: "asyncio.Task[Any] | None"
    saved: str = ""

    @property
    def is_new(self) -> bool:
        # What is not shown now must not be shown after a reload either.
        return self.writer.preview.shown != self.saved


class _Keeper:
    """The running answers of one event loop."""

    def __init__(self) -> None:
        self._watched: dict[int, _Watched] = {}
        self._saving: asyncio.Task[None] | None = None

    @contextmanager
    def watching(self, one: _Watched) -> Iterator[None]:
        self._watched[one.claim.turn_pk] = one
        if self._saving is None or self._saving.done():
            self._saving = asyncio.get_running_loop().create_task(self._run())
        try:
            yield
        finally:
            if self._watched.get(one.claim.turn_pk) is one:
                del self._watched[one.claim.turn_pk]

    async def _run(self) -> None:
        while self._watched:
            await asyncio.sleep(SAVE_SECONDS)
            try:
                await self._save()
            except Error as error:
                logger.warning("running answers not saved: %s", type(error).__name__)

    async def _save(self) -> None:
        """Save what is new, and cancel the turns that are not ours any more."""
        new = {pk: one for pk, one in self._watched.items() if one.is_new}
        if not new:
            return
        texts = {pk: one.writer.preview.shown for pk, one in new.items()}
        fences = {pk: one.claim.fence for pk, one in new.items()}
        held = await in_database_thread(_store)(texts, fences)
        for pk, one in new.items():
            one.saved = texts[pk]
            if pk not in held and self._watched.get(pk) is one and one.task is not None:
                one.task.cancel()


def _store(texts: Mapping[int, str], fences: Mapping[int, int]) -> set[int]:
    """Save texts by turn; return the turns that are still held."""
    with connection.cursor() as cursor:
        pks = list(texts)
        cursor.execute(SAVING, [pks, [fences[pk] for pk in pks], [texts[pk] for pk in pks]])
        return {row[0] for row in cursor.fetchall()}


_keepers: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Keeper]" = WeakKeyDictionary()


@contextmanager
def saving(writer: HasPreview, *, claim: Claim) -> Iterator[None]:
    """Save the writer's preview each second; cancel the block's task once the claim is lost."""
    keeper = _keepers.setdefault(asyncio.get_running_loop(), _Keeper())
    with keeper.watching(_Watched(claim, writer, asyncio.current_task())):
        yield
