"""The customer's socket: small handlers, one writer, rows as the only truth."""

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error

from conversations.models import Conversation
from conversations.selectors import access_by_token, all_origins
from conversations.sweeping import sweep
from core.background import in_database_thread
from core.errors import SupportError, Unauthorized, Unavailable
from core.limits import TokenBucket
from core.realtime import conversation_group, hub
from widget import handlers
from widget.limits import open_sockets, waiting_room
from widget.origins import check_origin, own_origins
from widget.protocol import (
    MAX_FRAME_BYTES,
    BadFrame,
    Hello,
    claimed_client_id,
    error_frame,
    parse_frame,
)
from widget.writer import SocketWriter

logger = logging.getLogger(__name__)
HELLO_SECONDS = 5.0
BAD_FRAMES_A_MINUTE = 10
FLOOD_REFUSALS = 200


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """One customer's tab."""

    # The process's hub listens for all sockets; a channel of its own would refuse the
    # handshake while Redis is away.
    channel_layer_alias = "none"

    conversation: Conversation | None = None
    conversation_id = ""
    token = ""
    address = ""
    is_waiting = False
    is_dead = False
    writer: SocketWriter | None = None

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle one event of the server.

        Channels closes old database connections before each: a visit to another thread every
        time, for what ``in_database_thread`` does where the connections are.
        """
        await getattr(self, get_handler_name(message))(message)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        """End, likewise."""
        await self.disconnect(message["code"])
        raise StopConsumer

    async def connect(self) -> None:
        """Refuse foreign origins at the handshake; then wait for ``hello``."""
        self._frames = TokenBucket(rate=10, burst=40)
        self.glances = TokenBucket(rate=1, burst=10)
        self._refused = 0
        self._bad = TokenBucket(rate=BAD_FRAMES_A_MINUTE / 60, burst=BAD_FRAMES_A_MINUTE - 1)
        self.origin = self._header(b"origin")
        if self.origin is not None and not await self._is_known_origin(self.origin):
            await self.close(4403)
            return
        self.address = (self.scope.get("client") or [""])[0]
        if not waiting_room.enter(self.address, self._make_room):
            await self.close(4429)
            return
        self.is_waiting = True
        loop = asyncio.get_running_loop()
        # First: a client that is gone before it is accepted is counted out by nothing else.
        self._hello_timer = loop.call_later(HELLO_SECONDS, self._let_go, 4401)
        await self.accept()

    def _header(self, name: bytes) -> str | None:
        values = [value for key, value in self.scope["headers"] if key == name]
        return values[0].decode("latin-1") if values else None

    async def _is_known_origin(self, origin: str) -> bool:
        if origin in own_origins():
            return True
        try:
            return origin in await in_database_thread(all_origins)()
        except Error:
            return False

    def _make_room(self) -> None:
        """Close what was silent longest where others need the room; the widget comes back."""
        self._let_go(4429)

    def _let_go(self, code: int) -> None:
        self._leave_waiting_room()
        self._hello_timer.cancel()
        self._closing = asyncio.get_running_loop().create_task(self.close(code))

    async def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close, unless that was done already or the client is gone."""
        with suppress(OSError, RuntimeError):
            await super().close(code, reason)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take one frame; whatever is wrong with it costs the client an ``error``, no more."""
        if len(bytes_data or b"") + len((text_data or "").encode("utf-8", "replace")) > (
            MAX_FRAME_BYTES
        ):
            await self.close(4413)
            return
        if not await self._within_rate():
            return
        try:
            await self._dispatch_frame(text_data)
        except BadFrame as error:
            await self._refuse_bad_frame(error, text_data)
        except Unauthorized as error:
            await self.send_frame(error_frame(error))
            await self.close(4401)
        except SupportError as error:
            await self.send_frame(error_frame(error, client_id=claimed_client_id(text_data or "")))
        except Error as error:
            logger.warning("frame not handled: %s", type(error).__name__)
            await self._say_unavailable(text_data)
        except Exception:  # a consumer's edge
            logger.exception("frame not handled")
            await self.close(1011)

    async def _say_unavailable(self, text: str | None) -> None:
        error = Unavailable(retry_after=2)
        await self.send_frame(error_frame(error, client_id=claimed_client_id(text or "")))
        if self.writer is None or not self.writer.is_writing:
            # Nothing was resumed: the client comes back with the same token.
            await self.close(1013)

    async def _within_rate(self) -> bool:
        wait = self._frames.take()
        if not wait:
            return True
        self._refused += 1
        if self._refused > FLOOD_REFUSALS:
            await self.close(4429)
        elif self._refused % 20 == 1:
            await self.send_frame(
                {
                    "type": "error",
                    "code": "rate_limited",
                    "detail": "That was too fast. Please wait a moment.",
                    "retry_after": 2,
                }
            )
        return False

    async def _dispatch_frame(self, text: str | None) -> None:
        if text is None:
            raise BadFrame("Frames are text.")
        frame = parse_frame(text)
        if isinstance(frame, Hello):
            await self._on_hello(frame)
        elif self.conversation is None or self.writer is None:
            raise Unauthorized("The first frame must be hello.")
        else:
            await handlers.handle(self, self.conversation, frame)

    async def _refuse_bad_frame(self, error: BadFrame, text: str | None) -> None:
        await self.send_frame(error_frame(error, client_id=claimed_client_id(text or "")))
        if self._bad.take():
            await self.close(4400)

    async def _on_hello(self, frame: Hello) -> None:
        if self.conversation is not None:
            raise BadFrame("hello was said already.")
        conversation = await in_database_thread(access_by_token)(frame.token)
        check_origin(self.origin, site=conversation.site)
        self._hello_timer.cancel()
        self._leave_waiting_room()
        conversation_id = str(conversation.public_id)
        if not open_sockets.enter(conversation_id, address=self.address):
            await self.close(4429)
            return
        self.conversation_id = conversation_id
        self.conversation = conversation
        self.token = frame.token
        self.writer = SocketWriter(self, conversation, after=frame.after)
        # Join first, then read: what is committed in between is hinted at or read, or both.
        group = conversation_group(self.conversation_id)
        await hub().join(group, self.writer.take_hint, conversation=self.conversation_id)
        sweep().add(self.writer)
        await self.writer.welcome()

    def _leave_waiting_room(self) -> None:
        if self.is_waiting:
            self.is_waiting = False
            waiting_room.leave(self.address, self._make_room)

    async def send_frame(self, frame: dict[str, Any]) -> None:
        """Send one frame; a client that does not read for ten seconds is let go."""
        try:
            if self.is_dead:
                return
            async with asyncio.timeout(10):
                await self.send(text_data=json.dumps(frame))
        except TimeoutError:
            self.is_dead = True
            await self.close(4408)
        except (OSError, RuntimeError):
            # The client is gone. Its disconnect is on the way here and cleans up.
            self.is_dead = True

    async def disconnect(self, code: int) -> None:
        """Leave the groups; nothing of a conversation lives in its sockets."""
        self._leave_waiting_room()
        timer = getattr(self, "_hello_timer", None)
        if timer is not None:
            timer.cancel()
        if not self.conversation_id:
            return
        open_sockets.leave(self.conversation_id, address=self.address)
        if self.writer is None:
            return
        sweep().remove(self.writer)
        group = conversation_group(self.conversation_id)
        hub().leave(group, self.writer.take_hint, conversation=self.conversation_id)
        self.writer.stop()
