"""The one writer of a customer's socket: rows in order, deltas between them."""

import asyncio
import logging
from typing import Any, Protocol

from django.db import Error

from assistant.services import Receipt
from conversations.models import Conversation
from core.background import in_database_thread
from core.errors import Unauthorized
from core.realtime import running_text
from escalation.selectors import Queue
from widget.previews import PreviewCursor
from widget.protocol import message_frame
from widget.queue_watch import queue_watch
from widget.state import FEW, View, read_messages, read_view, running_answer, with_place

logger = logging.getLogger(__name__)
DELTAS_KEPT = 2_000


class Socket(Protocol):
    """What the writer needs of the consumer."""

    conversation_id: str
    is_dead: bool

    async def send_frame(self, frame: dict[str, Any]) -> None:
        """Send one frame."""

    async def close(self, code: int) -> None:
        """Close the socket."""


class SocketWriter:
    """Sends exactly ``last + 1 …``; hints only wake it up.

    It is what the sweep looks after (``conversations.sweeping.Viewer``).
    """

    def __init__(self, socket: Socket, conversation: Conversation, *, after: int) -> None:
        self._socket = socket
        self.conversation_id = socket.conversation_id
        self._conversation = conversation
        self._pk = conversation.pk
        self._last_seq = after
        self._revision = -1
        self._status = ""
        self._sent_state: dict[str, dict[str, Any] | None] = {}
        self._rating_asked_at = -1
        # Lists, since they are nearly always empty: an empty deque takes ten times as much, and
        # there are thousands of sockets.
        self._deltas: list[dict[str, Any]] = []
        self._own: list[Receipt] = []
        self._cursor = PreviewCursor()
        self._wake = asyncio.Event()
        self._must_read = self._must_find_place = False
        self._hinted_seq = self._hinted_revision = -1
        self._task: asyncio.Task[None] | None = None

    async def welcome(self) -> None:
        """Send the first answer to ``hello`` and start writing."""
        view = await self._read_view()
        frame: dict[str, Any] = {
            "type": "welcome",
            "conversation": self.conversation_id,
            "status": view.status,
            "last_seq": view.last_seq,
            "messages": view.messages,
        }
        streaming = await self._streaming(view)
        if streaming:
            frame["streaming"] = streaming
        self._last_seq = min(self._last_seq, view.last_seq)
        self._note_sent(view)
        await self._socket.send_frame(frame)
        await self._send_state(view)
        self._must_read = self._last_seq < view.last_seq
        self._task = asyncio.create_task(self._run())
        self._wake.set()

    async def _streaming(self, view: View) -> dict[str, Any] | None:
        """Return the answer under way with all its text, so that a reload loses none of it."""
        if not view.is_answered:
            return None
        answer = await in_database_thread(running_answer)(self._pk)
        if answer is None:
            return None
        message = str(answer.message)
        attempt, text = await running_text(message) or (answer.attempt, answer.partial_text)
        if attempt // 10 != answer.attempt // 10:
            # Redis still holds what an attempt wrote that died.
            attempt, text = answer.attempt, answer.partial_text
        if not text:
            return None
        self._cursor.resume(message=message, attempt=attempt, text=text)
        return {"message": message, "attempt": attempt, "text": text}

    @property
    def is_writing(self) -> bool:
        """Whether ``welcome`` was sent and rows follow."""
        return self._task is not None and not self._task.done()

    def take_hint(self, hint: dict[str, Any]) -> None:
        """Note a hint of the hub; called on the event loop, never blocks."""
        if hint["type"] == "conversation.changed":
            self._note_change(hint)
        else:
            self._deltas.append(hint)
            del self._deltas[:-DELTAS_KEPT]
        self._wake.set()

    def take_own(self, receipt: Receipt) -> None:
        """Send what was just stored for this socket; other sockets read it."""
        self._own.append(receipt)
        self._wake.set()

    def _note_change(self, hint: dict[str, Any]) -> None:
        """Look for what the hint tells of, unless that was read by then: often it was."""
        if "seq" in hint:
            self._hinted_seq = max(self._hinted_seq, hint["seq"])
            self._hinted_revision = max(self._hinted_revision, hint["revision"])
        else:
            self._must_read = True

    @property
    def _is_behind(self) -> bool:
        return self._hinted_seq > self._last_seq or self._hinted_revision > self._revision

    @property
    def _has_work(self) -> bool:
        must_look = self._must_read or self._is_behind or self._must_find_place
        return must_look or bool(self._own or self._deltas)

    def say_card_again(self, call: str) -> None:
        """Send how a card stands, whether or not that is new."""
        self._sent_state.pop(f"card {call}", None)
        self.take_hint({"type": "conversation.changed"})

    @property
    def shown(self) -> tuple[int, int]:
        """The last message's place and the revision that were sent."""
        return self._last_seq, self._revision

    @property
    def is_waiting(self) -> bool:
        """Whether the conversation waits for a person, as far as was sent."""
        return self._status == Conversation.Status.WAITING

    @property
    def is_watching_more(self) -> bool:
        """Whether a place in the queue is shown."""
        return self.is_waiting

    def look_again(self, *, last_seq: int, revision: int) -> None:
        """Read again if anything is new; look for the place of one who waits."""
        self._must_read |= (last_seq, revision) != self.shown
        self._must_find_place |= self.is_waiting
        if self._must_read or self._must_find_place:
            self._wake.set()

    def stop(self) -> None:
        """End the writing task."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while not self._socket.is_dead:
                await self._wake.wait()
                self._wake.clear()
                await self._write()
        except Exception:  # a consumer's edge: a silent socket would be worse than a closed one
            logger.exception("the writer of a socket failed")
            await self._socket.close(1011)

    async def _write(self) -> None:
        while self._has_work:
            if self._own:
                await self._write_own(self._own.pop(0))
            if self._must_find_place:
                self._must_find_place = False
                await self._write_place()
            if self._must_read or self._is_behind:
                await self._catch_up()
            if self._deltas:
                await self._write_hint(self._deltas.pop(0))

    async def _catch_up(self) -> None:
        """Read what a hint told of: a message more needs no look at all the rest."""
        # A place in the queue, which is kept while the assistant helps, is told anew as well.
        has_place = "position" in (self._sent_state.get("status") or {})
        is_all = self._must_read or self._hinted_revision > self._revision or has_place
        self._must_read = False
        self._hinted_seq = self._hinted_revision = -1
        await (self._write_rows() if is_all else self._write_messages())

    async def _write_messages(self) -> None:
        try:
            frames = await in_database_thread(read_messages)(
                self._conversation, after=self._last_seq
            )
        except Error as error:
            logger.warning("messages not read: %s", type(error).__name__)
            return
        for frame in frames:
            await self._send_message(frame)
            self._note_message(frame)
        self._must_read |= len(frames) == FEW

    async def _send_message(self, frame: dict[str, Any]) -> None:
        await self._end_preview_of(frame["message"])
        await self._socket.send_frame(frame)

    async def _write_own(self, receipt: Receipt) -> None:
        """Send a message as it was stored if it is the next and all that is new: without a look."""
        message = receipt.message
        is_all = receipt.is_new and receipt.revision == self._revision
        if is_all and message.seq == self._last_seq + 1:
            self._last_seq = message.seq
            await self._socket.send_frame(message_frame(message, conversation=self._conversation))
        elif not is_all or message.seq > self._last_seq:
            self._must_read = True

    async def _write_rows(self) -> None:
        try:
            # Who waits shares one look at the queue with all others who do.
            queue = await queue_watch().look() if self.is_waiting else None
            view = await self._read_view(queue)
        except Error as error:
            # The sweep comes back to it; the client sees no gap.
            logger.warning("rows not read: %s", type(error).__name__)
            return
        except Unauthorized:
            # A sign-in gave the conversation another token: whoever held this one is out.
            await self._socket.close(4401)
            return
        for frame in view.messages:
            await self._send_message(frame)
        self._note_sent(view)
        await self._send_state(view)
        if self._last_seq < view.last_seq:
            self._must_read = True

    async def _read_view(self, queue: Queue | None = None) -> View:
        token_hash = self._conversation.token_hash
        return await in_database_thread(read_view)(
            self._pk, after=self._last_seq, token_hash=token_hash, queue=queue
        )

    async def _write_place(self) -> None:
        """Tell where one who waits stands by now, without reading all the rest."""
        sent = self._sent_state.get("status") or {}
        try:
            queue = await queue_watch().look()
        except Error as error:
            logger.warning("queue not read: %s", type(error).__name__)
            return
        place = queue.place_of(self._pk)
        is_closed = sent.get("people_online") and not queue.has_people
        if not sent or place is None or is_closed:
            # Taken, or the desk was closed: more than the place is to be said.
            self._must_read = True
            return
        if queue.has_people:
            # Somebody came: not a reason for all who wait to read everything at once.
            self._sent_state.pop("offline", None)
        await self._send_if_new(
            "status", with_place({**sent, "people_online": queue.has_people}, place)
        )

    async def _end_preview_of(self, message: str) -> None:
        """A durable message replaces its preview, however the hints arrived."""
        if message == self._cursor.message:
            ended = self._cursor.end({"message": message, "attempt": 0, "reason": "final"})
            if ended is not None:
                await self._socket.send_frame(ended)

    def _note_sent(self, view: View) -> None:
        for frame in view.messages:
            self._note_message(frame)
        self._revision, self._status = view.revision, view.status

    def _note_message(self, frame: dict[str, Any]) -> None:
        self._last_seq = frame["seq"]
        self._cursor.close(frame["message"])
        self._note_card(frame.get("card"))

    def _note_card(self, card: dict[str, Any] | None) -> None:
        """The message has told its card's state: a frame of its own would say it twice."""
        if card is not None:
            sent = {"type": "card", "call": card["call"], "state": card["state"]}
            self._sent_state[f"card {card['call']}"] = sent

    async def _send_state(self, view: View) -> None:
        """Send what changed of status, cards, offline notice and rating request."""
        await self._send_if_new("status", view.status_frame)
        if self._last_seq == view.last_seq:
            # Not before the message that shows it.
            for card in view.cards:
                await self._send_if_new(f"card {card['call']}", card)
        if view.offline_frame is not None:
            await self._send_if_new("offline", view.offline_frame)
        else:
            self._sent_state.pop("offline", None)
        if view.wants_rating:
            await self._send_if_new("rating", {"type": "rating_request"})
        else:
            self._sent_state.pop("rating", None)

    async def _send_if_new(self, name: str, frame: dict[str, Any]) -> None:
        if self._sent_state.get(name) != frame:
            self._sent_state[name] = frame
            await self._socket.send_frame(frame)

    async def _write_hint(self, hint: dict[str, Any]) -> None:
        frame: dict[str, Any] | None = None
        match hint["type"]:
            case "delta" if self._status == Conversation.Status.ASSISTANT:
                frame = self._cursor.accept(hint)
            case "delta_end":
                frame = self._cursor.end(hint)
            case "typing" if hint.get("origin") == "agent":
                frame = {"type": "typing", "author": hint["author"], "on": hint["on"]}
        if frame is not None:
            await self._socket.send_frame(frame)
