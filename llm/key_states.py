"""How keys fared, for the admin: noted in memory, and written down every few seconds.

Nothing here waits in a turn's way, and no turn fails for it: what could not be written is
written with the next note.
"""

import asyncio
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from weakref import WeakSet

from django.db import Error
from django.utils import timezone

from core.background import in_database_thread
from llm.errors import ModelError, ModelQuotaExhausted
from llm.models import KeyState

WRITE_SECONDS = 3.0
logger = logging.getLogger(__name__)
State = KeyState.State


@dataclass(frozen=True, slots=True)
class Fare:
    """The last that was seen of a key; `since` is when that state began."""

    state: str
    since: datetime
    code: str = ""
    last_used_at: datetime | None = None
    aside_until: datetime | None = None


def note_used(fingerprint: str) -> None:
    """Note that the upstream took a key."""
    now = timezone.now()
    with _lock:
        before = _fares.get(fingerprint)
        is_same = before is not None and before.state == State.USABLE
        since = before.since if before and is_same else now
        _note(fingerprint, Fare(State.USABLE, since, last_used_at=now))


def note_refused(fingerprint: str, *, error: ModelError, rests: float) -> None:
    """Note that the upstream refused a key, and for how many seconds it rests."""
    now = timezone.now()
    out = isinstance(error, ModelQuotaExhausted)
    with _lock:
        before = _fares.get(fingerprint)
        fare = Fare(
            State.OUT_OF_QUOTA if out else State.REJECTED,
            now,
            code=error.code,
            last_used_at=before.last_used_at if before else None,
            aside_until=now + timedelta(seconds=rests),
        )
        _note(fingerprint, fare)


def write_states() -> None:
    """Write down what was noted since the last time; needs the database."""
    with _lock:
        noted = dict(_pending)
        _pending.clear()
    try:
        for fingerprint, fare in noted.items():
            _store(fingerprint, fare)
    except Error as error:
        logger.warning("states of keys not written: %s", type(error).__name__)
        _put_back(noted)


def _note(fingerprint: str, fare: Fare) -> None:
    _fares[fingerprint] = _pending[fingerprint] = fare
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        # No loop to write it later: the next note of a turn takes this one along.
        return
    if loop not in _waiting:
        _waiting.add(loop)
        loop.call_later(WRITE_SECONDS, _write_from, loop)


def _write_from(loop: asyncio.AbstractEventLoop) -> None:
    _waiting.discard(loop)
    task = loop.create_task(in_database_thread(write_states)())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def _store(fingerprint: str, fare: Fare) -> None:
    row = KeyState.objects.filter(fingerprint=fingerprint).first()
    if row is not None and row.state == fare.state:
        fare = replace(fare, since=row.since)
    values = {
        "state": fare.state,
        "code": fare.code,
        "since": fare.since,
        "aside_until": fare.aside_until,
    }
    if fare.last_used_at is not None:
        values["last_used_at"] = fare.last_used_at
    KeyState.objects.update_or_create(fingerprint=fingerprint, defaults=values)


def _put_back(noted: Mapping[str, Fare]) -> None:
    with _lock:
        for fingerprint, fare in noted.items():
            _pending.setdefault(fingerprint, fare)


_fares: dict[str, Fare] = {}
_pending: dict[str, Fare] = {}
_waiting: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
_tasks: set["asyncio.Task[None]"] = set()
_lock = threading.Lock()
