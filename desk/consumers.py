"""The staff's socket: says which rows changed; the page fetches them where it may."""

import asyncio
import json
import logging
from itertools import count
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from accounts.models import User
from conversations.models import Conversation
from conversations.sweeping import sweep
from core.background import in_database_thread
from core.errors import SupportError
from core.limits import TokenBucket
from core.realtime import (
    DESK_GROUP,
    conversation_group,
    hub,
    publish_soon,
    staff_group,
)
from desk import presence
from desk.access import find_agent
from desk.outbox import Outbox
from desk.protocol import (
    MAX_FRAME_CHARACTERS,
    Frame,
    Ping,
    Typing,
    Watch,
    conversation_frame,
    desk_frame,
    parse_frame,
    staff_frame,
)
from desk.queue import Signature, queue_signature
from escalation.selectors import access_conversation
from escalation.services import heard_from

logger = logging.getLogger(__name__)
RECHECK_SECONDS = 2.0
BEAT_SECONDS = 5.0
BEATS_A_HEARTBEAT = 4
SEND_SECONDS = 10.0
TRY_AGAIN_LATER = 1013


class DeskConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One page of one agent."""

    # The process's hub listens for all sockets.
    channel_layer_alias = "none"

    agent: User | None = None
    # Of the conversation watched, if any (``conversations.sweeping.Viewer``).
    conversation_id: str = ""

    async def connect(self) -> None:
        """Let agents in by the session of their log-in; nobody else gets past the handshake."""
        self.session_key: str | None = self.scope["session"].session_key
        self.outbox = Outbox()
        self._rate = TokenBucket(rate=5, burst=30)
        self._signature: Signature | None = None
        self._head: tuple[int, int] | None = None
        self._checked_at = asyncio.get_running_loop().time()
        try:
            self.agent = await in_database_thread(find_agent)(self.session_key)
        except DatabaseError as error:
            logger.warning("desk socket not opened: %s", type(error).__name__)
        if self.agent is None:
            await self.close(4403)
            return
        await self.accept()
        presence.arrived(self.agent)
        await hub().join(DESK_GROUP, self._on_desk_hint)
        await hub().join(staff_group(self.agent.pk), self._on_own_hint)
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._beat())]

    def _on_desk_hint(self, hint: Frame) -> None:
        frame = desk_frame(hint)
        if frame is not None:
            self.outbox.put(frame)

    def _on_own_hint(self, hint: Frame) -> None:
        frame = staff_frame(hint)
        if frame is not None:
            self.outbox.put(frame)

    def _on_conversation_hint(self, hint: Frame) -> None:
        frame = conversation_frame(hint)
        if frame is not None:
            self.outbox.put(frame)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take one frame; a page of ours sends few and small ones."""
        if bytes_data is not None or len(text_data or "") > MAX_FRAME_CHARACTERS:
            await self.close(4413)
            return
        if self._rate.take():
            await self.close(4429)
            return
        if not await self._may_go_on():
            return
        try:
            await self._dispatch_frame(text_data)
        except SupportError as error:
            self.outbox.put({"type": "error", "code": error.code, "detail": error.detail})
        except DatabaseError as error:
            logger.warning("desk frame not handled: %s", type(error).__name__)
            await self.close(TRY_AGAIN_LATER)

    async def _dispatch_frame(self, text: str | None) -> None:
        match parse_frame(text):
            case Watch(conversation=public_id):
                await self._watch(public_id)
            case Typing(on=on):
                await self._typing(on=on)
            case Ping():
                self.outbox.put({"type": "pong"})

    async def _access(self, public_id: UUID | str) -> Conversation:
        return await in_database_thread(access_conversation)(self._known(), public_id=public_id)

    def _known(self) -> User:
        if self.agent is None:
            raise RuntimeError("a frame before the handshake")
        return self.agent

    async def _watch(self, public_id: UUID) -> None:
        conversation = await self._access(public_id)
        self._unwatch()
        self.conversation_id = str(conversation.public_id)
        group, listener = conversation_group(self.conversation_id), self._on_conversation_hint
        await hub().join(group, listener, conversation=self.conversation_id)
        sweep().add(self)
        # Joined first, then told: what was committed in between is not missed.
        head = await self._access(public_id)
        self.look_again(last_seq=head.last_seq, revision=head.revision)

    @property
    def shown(self) -> tuple[int, int]:
        """What was told last (``conversations.sweeping.Viewer``)."""
        return self._head or (-1, -1)

    @property
    def is_watching_more(self) -> bool:
        """The queue has hints of its own."""
        return False

    def look_again(self, *, last_seq: int, revision: int) -> None:
        """Tell where the conversation stands, when it is not where it was told to be."""
        if self._head == (last_seq, revision):
            return
        self._head = (last_seq, revision)
        self.outbox.put(
            {
                "type": "conversation",
                "conversation": self.conversation_id,
                "seq": last_seq,
                "revision": revision,
            }
        )

    def _unwatch(self) -> None:
        if not self.conversation_id:
            return
        sweep().remove(self)
        group, listener = conversation_group(self.conversation_id), self._on_conversation_hint
        hub().leave(group, listener, conversation=self.conversation_id)
        self.conversation_id, self._head = "", None
        self.outbox.forget_pieces()

    async def _typing(self, *, on: bool) -> None:
        """Pass the agent's typing on, only from the one whom the customer talks to."""
        if not self.conversation_id:
            return
        agent = self._known()
        conversation = await self._access(self.conversation_id)
        if conversation.agent_id != agent.pk:
            return
        publish_soon(
            conversation_group(self.conversation_id),
            {
                "type": "typing",
                "conversation": self.conversation_id,
                "author": {"kind": "agent", "name": agent.public_name},
                "on": on,
                "origin": "agent",
            },
        )

    async def _may_go_on(self) -> bool:
        """Whether the agent may still see events, read anew every few seconds; else close."""
        now = asyncio.get_running_loop().time()
        if now - self._checked_at < RECHECK_SECONDS:
            return True
        try:
            found = await in_database_thread(find_agent)(self.session_key)
        except DatabaseError:
            await self.close(TRY_AGAIN_LATER)
            return False
        if found is None:
            await self.close(4403)
            return False
        self.agent, self._checked_at = found, now
        return True

    async def _write(self) -> None:
        """Send what the listeners put down; the only task that sends frames."""
        while True:
            frames = await self.outbox.collect()
            if not await self._may_go_on():
                return
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    for frame in frames:
                        await self.send(text_data=json.dumps(frame, ensure_ascii=False))
            except TimeoutError:
                await self.close(4408)
                return
            except (OSError, RuntimeError):
                # The socket died under the writer; disconnect cleans up.
                return

    async def _beat(self) -> None:
        """Keep the agent present, and heal lost hints by comparing numbers."""
        for beat in count():
            try:
                if beat % BEATS_A_HEARTBEAT == 0:
                    await in_database_thread(heard_from)(self._known())
                await self._compare()
            except DatabaseError as error:
                logger.warning("desk beat missed: %s", type(error).__name__)
            await asyncio.sleep(BEAT_SECONDS)

    async def _compare(self) -> None:
        signature = await in_database_thread(queue_signature)()
        if self._signature is not None and signature != self._signature:
            self.outbox.put({"type": "queue"})
        self._signature = signature
        # An agent without the permission is let go even where nothing happens.
        await self._may_go_on()

    async def disconnect(self, code: int) -> None:
        """Leave the groups and, after a moment, the desk."""
        if self.agent is None:
            return
        for task in getattr(self, "_tasks", []):
            task.cancel()
        hub().leave(DESK_GROUP, self._on_desk_hint)
        hub().leave(staff_group(self.agent.pk), self._on_own_hint)
        self._unwatch()
        presence.departed(self.agent)
