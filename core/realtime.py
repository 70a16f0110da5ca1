"""Hints between processes: publish after the commit, listen by group.

Everything sent here may be lost: rows are the truth, and sweeps heal. So a publisher never
waits and never raises into its caller, and a listener keeps its groups through an outage.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from redis import asyncio as aioredis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

Message = dict[str, Any]
Listener = Callable[[Message], None]
SHARDS = 64
RUNNING_TEXT_SECONDS = 180
SEND_SECONDS = 1.0
# Where Redis is away it is no use to ask again at once.
PAUSE_SECONDS = 0.2
# What waits together goes together.
BATCH = 100
# After a restart of Redis the beginning is gone: an append would make half a text.
APPEND_IF_BEGUN = """
if redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('APPEND', KEYS[1], ARGV[1])
    redis.call('EXPIRE', KEYS[1], ARGV[2])
end
"""
counters: Counter[str] = Counter()
DESK_GROUP = "desk"
# Of pieces of several conversations' answers at once; every web process listens.
PREVIEWS_GROUP = "previews"


def conversation_group(public_id: object) -> str:
    """Return the group of a conversation's hints, which it shares with others.

    A group of its own would cost each socket that opens or closes a round trip to Redis.
    """
    return f"conversations.{hash_of(str(public_id)) % SHARDS}"


def staff_group(user_pk: int) -> str:
    """Return the group of what concerns one member of staff alone."""
    return f"staff.{user_pk}"


def hash_of(text: str) -> int:
    """Return the same small number for ``text`` in every process (``hash`` is seeded)."""
    return int.from_bytes(text.encode()[:8], "big") + sum(text.encode())


def _running_key(turn: object) -> str:
    return f"{settings.REDIS_PREFIX}.running.{turn}"


class Publisher:
    """One event loop a process sends: callers enqueue and go on.

    The loop runs in a thread of its own, unless it is told of one that runs already. The queue is
    bounded; when Redis is gone the oldest hints are dropped and counted.
    """

    def __init__(self, *, size: int = 10_000) -> None:
        self._queue: deque[tuple[str, Message]] = deque(maxlen=size)
        self._wake: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_waiting = False
        self._lock = threading.Lock()

    def send_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send on ``loop``, which runs till the process ends, where nothing was sent yet.

        What is published there then costs no change of threads.
        """
        with self._lock:
            if self._loop is None:
                self._loop, self._wake = loop, asyncio.Event()
                loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._send_all())

    def publish(self, group: str, message: Message) -> None:
        """Enqueue ``message`` for ``group``; returns at once, from any thread."""
        if len(self._queue) == self._queue.maxlen:
            counters["hints_dropped"] += 1
        self._queue.append((group, message))
        loop = self._ensure_loop()
        wake = self._wake
        if wake is not None and self._is_waiting:
            # Once for all that come until it is awake: each call costs a system call.
            self._is_waiting = False
            if asyncio._get_running_loop() is loop:
                wake.set()
                return
            # A loop that has ended sends nothing more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(wake.set)

    def drain(self, *, seconds: float) -> None:
        """Wait in another thread, so long at most, until what was published is sent."""
        deadline = time.monotonic() + seconds
        while self._is_sending and time.monotonic() < deadline:
            time.sleep(0.01)

    @property
    def _is_sending(self) -> bool:
        return self._loop is not None and (bool(self._queue) or not self._is_waiting)

    def _ensure_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._wake = asyncio.Event()
                threading.Thread(target=self._serve, name="realtime", daemon=True).start()
            return self._loop

    def _serve(self) -> None:
        if self._loop is not None:
            self._loop.run_until_complete(self._send_all())

    async def _send_all(self) -> None:
        redis = aioredis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=SEND_SECONDS, socket_timeout=SEND_SECONDS
        )
        wake = self._wake
        while wake is not None:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), BATCH))]
                failed = await self._try_to_send(redis, batch)
                counters["hints_failed"] += failed
                if failed == len(batch):
                    await asyncio.sleep(PAUSE_SECONDS)
            wake.clear()
            # In this order: what comes after the look sees that it must wake.
            self._is_waiting = True
            if not self._queue:
                await wake.wait()

    async def _try_to_send(
        self, redis: "aioredis.Redis", batch: Sequence[tuple[str, Message]]
    ) -> int:
        try:
            return await self._send(redis, batch)
        except Exception:  # the sender's edge: what follows goes out all the same
            logger.exception("hints not sent")
            return len(batch)

    async def _send(self, redis: "aioredis.Redis", batch: Sequence[tuple[str, Message]]) -> int:
        """Send what waits, in its order and one round trip; return how many hints failed."""
        layer = get_channel_layer()
        pipe, failed = redis.pipeline(transaction=False), 0
        for group, message in _join_pieces(batch):
            pieces = _pieces(message)
            try:
                sent = layer.serialize(message)
            except (ValueError, TypeError):
                # A text that can't be encoded keeps no other back.
                failed += len(pieces) or 1
                continue
            for piece in pieces:
                # Stored before it is sent: who joins first and reads then misses nothing.
                _store_piece(pipe, piece)
            # As the layer's `group_send` does, but for a round trip each.
            pipe.publish(f"{layer.prefix}__group__{group}", sent)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                results = await pipe.execute(raise_on_error=False)
        except (RedisError, OSError, TimeoutError):
            return len(batch)
        return failed + sum(isinstance(result, RedisError) for result in results)


def _join_pieces(batch: Sequence[tuple[str, Message]]) -> Iterator[tuple[str, Message]]:
    """Make one message of the pieces of answers that follow each other, to be read once."""
    for can_join, run in groupby(batch, key=lambda one: _is_piece(one[1])):
        hints = list(run)
        if can_join and len(hints) > 1:
            pieces = [message for _, message in hints]
            yield PREVIEWS_GROUP, {"type": "deltas", "pieces": pieces}
        else:
            yield from hints


def _is_piece(message: Message) -> bool:
    """Whether this is a piece of an answer, and one that can be sent at all."""
    if message["type"] != "delta":
        return False
    try:
        message["text"].encode()
    except UnicodeEncodeError:
        return False
    return True


def _pieces(message: Message) -> list[Message]:
    match message["type"]:
        case "delta":
            return [message]
        case "deltas":
            return list(message["pieces"])
        case _:
            return []


def _store_piece(pipe: Any, delta: Message) -> None:
    key, text = _running_key(delta["message"]), delta["text"]
    if delta["offset"] == 0:
        pipe.set(key, f"{delta['attempt']}\n{text}", ex=RUNNING_TEXT_SECONDS)
    else:
        pipe.eval(APPEND_IF_BEGUN, 1, key, text, str(RUNNING_TEXT_SECONDS))


_publisher = Publisher()


def send_on(loop: asyncio.AbstractEventLoop) -> None:
    """Let this process send its hints on ``loop``, which runs till the process ends."""
    _publisher.send_on(loop)


def drain(*, seconds: float) -> None:
    """Wait, so long at most, until this process's hints are sent."""
    _publisher.drain(seconds=seconds)


def publish_soon(group: str, message: Message) -> None:
    """Send a hint to a group, without waiting and without a promise."""
    _publisher.publish(group, {"group": group, **message})


def publish_on_commit(group: str, message: Message) -> None:
    """Send a hint when (and only when) the running transaction commits."""
    transaction.on_commit(lambda: publish_soon(group, message))


async def running_text(turn: object) -> tuple[int, str] | None:
    """Return ``(attempt, text so far)`` of the answer that ``turn`` is writing, if known."""
    redis = aioredis.Redis.from_url(settings.REDIS_URL, socket_timeout=SEND_SECONDS)
    try:
        async with asyncio.timeout(SEND_SECONDS):
            value = await redis.get(_running_key(turn))
    except (RedisError, OSError, TimeoutError):
        return None
    finally:
        with contextlib.suppress(RedisError, OSError):
            await redis.aclose()
    if not value:
        return None
    attempt, separator, text = value.decode("utf-8", "replace").partition("\n")
    return (int(attempt), text) if separator and attempt.isdigit() else None


class Hub:
    """The groups that one web process listens to, counted by reference.

    One channel a process; listeners are called on its event loop and must not block.
    """

    def __init__(self) -> None:
        # By group and by the conversation that is listened for; None hears of all.
        self._listeners: dict[tuple[str, str | None], list[Listener]] = {}
        self._members: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._subscribed: dict[str, asyncio.Event] = {}

    async def join(
        self, group: str, listener: Listener, *, conversation: str | None = None
    ) -> None:
        """Call ``listener`` for each hint of ``group``, or for those of one conversation.

        Waits a moment for the subscription.
        """
        self._listeners.setdefault((group, conversation), []).append(listener)
        self._members.update([PREVIEWS_GROUP, group])
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        # Each time: the common group may just be on its way out with its last listener.
        for joined in (self._joined(PREVIEWS_GROUP), self._joined(group)):
            if not joined.is_set():
                self._changed.set()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SEND_SECONDS):
                        await joined.wait()

    def leave(self, group: str, listener: Listener, *, conversation: str | None = None) -> None:
        """Undo one ``join``."""
        listeners = self._listeners.get((group, conversation), [])
        if listener not in listeners:
            return
        listeners.remove(listener)
        if not listeners:
            del self._listeners[group, conversation]
        self._members.subtract([PREVIEWS_GROUP, group])
        if not self._members[group]:
            self._members = +self._members
            self._changed.set()

    def _joined(self, group: str) -> asyncio.Event:
        return self._subscribed.setdefault(group, asyncio.Event())

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError):
                counters["hub_reconnects"] += 1
            finally:
                for event in self._subscribed.values():
                    event.clear()
            await asyncio.sleep(1)

    async def _listen(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel("hub.")
        receiver = asyncio.create_task(self._receive(layer, channel))
        try:
            while not receiver.done():
                self._changed.clear()
                await self._subscribe(layer, channel)
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait({receiver, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
            receiver.result()
        finally:
            receiver.cancel()
            await self._forget(layer, channel)

    async def _forget(self, layer: Any, channel: str) -> None:
        """Take a channel that nobody reads any more out of its groups."""
        for group in list(self._subscribed):
            with contextlib.suppress(RedisError, OSError):
                await layer.group_discard(group, channel)

    async def _subscribe(self, layer: Any, channel: str) -> None:
        for group in list(self._members):
            event = self._joined(group)
            if not event.is_set():
                await layer.group_add(group, channel)
                event.set()
        for group in [name for name in self._subscribed if name not in self._members]:
            if group not in self._members and self._subscribed.pop(group).is_set():
                await layer.group_discard(group, channel)

    async def _receive(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            for hint in _pieces(message) or [message]:
                self._tell(hint)

    def _tell(self, hint: Message) -> None:
        for listener in self._listeners_of(hint):
            try:
                listener(hint)
            except Exception:  # a consumer's edge: one socket must not deafen the others
                logger.exception("a listener of %s failed", hint.get("group"))

    def _listeners_of(self, message: Message) -> list[Listener]:
        group, conversation = message.get("group", ""), message.get("conversation")
        to_all = self._listeners.get((group, None), [])
        to_one = self._listeners.get((group, conversation), []) if conversation else []
        return [*to_all, *to_one]


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def hub() -> Hub:
    """Return this event loop's hub."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
