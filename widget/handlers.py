"""What each frame of a customer does, one small handler a type."""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from assistant.actions import decide
from assistant.services import (
    Receipt,
    end_by_customer,
    receive_by_token,
    request_person,
    resume_assistant,
    stop_answer,
)
from conversations.models import Conversation
from conversations.selectors import access_by_token
from conversations.services import (
    mark_read,
    opened_by,
    rate_conversation,
    save_contact_email,
    set_helpful,
)
from core.background import in_database_thread
from core.errors import SupportError, Unauthorized
from core.limits import check_rate
from core.realtime import conversation_group, publish_soon, running_text
from widget.limits import ACTIONS_A_MINUTE, check_message_rates
from widget.origins import check_origin_of
from widget.protocol import (
    AskForPerson,
    BadFrame,
    Confirm,
    Contact,
    End,
    Feedback,
    Frame,
    Ping,
    Rate,
    Read,
    ResumeAssistant,
    Say,
    Stop,
    Typing,
    error_frame,
)
from widget.state import running_answer

if TYPE_CHECKING:
    from widget.consumers import ChatConsumer

HAND_OFFS_AN_HOUR = 10
# Does one of the services' actions on the socket's conversation.
Act = Callable[..., Coroutine[Any, Any, None]]


class BadEmail(SupportError):
    """Not an e-mail address."""

    code = "bad_email"
    detail = "That does not look like an e-mail address."


async def handle(  # noqa: C901, PLR0912 - one branch a frame type
    socket: "ChatConsumer", conversation: Conversation, frame: Frame
) -> None:
    """Carry out ``frame`` for an authenticated socket; ``conversation`` is as hello found it."""
    if isinstance(frame, Ping):
        await socket.send_frame({"type": "pong"})
        return
    if isinstance(frame, Say):
        await _say(socket, conversation, frame)
        return
    if isinstance(frame, Typing | Read) and socket.glances.take():
        # Nobody misses one of so many, and each would cost a look at the database.
        return
    # Again on each frame: the token may have run out, been renewed or its site changed since
    # (which is seen within two seconds).
    conversation = await in_database_thread(_authorise)(socket.token, socket.origin, frame)
    act = partial(in_database_thread(_act), socket.token, conversation.pk)
    match frame:
        case Typing():
            _typing(socket, on=frame.on)
        case Read():
            await act(mark_read, seq=frame.seq)
        case Stop():
            await _stop(conversation.pk, act)
        case AskForPerson():
            await act(request_person, detail=frame.reason)
        case ResumeAssistant():
            await act(resume_assistant)
        case Feedback():
            await act(set_helpful, message_id=frame.message, helpful=frame.helpful)
        case Rate():
            await act(rate_conversation, score=frame.score, comment=frame.comment)
            await socket.send_frame({"type": "rated", "score": frame.score})
        case Contact():
            await _contact(socket, act, frame.email)
        case Confirm():
            await _confirm(socket, act, frame)
        case End():
            await act(end_by_customer)
        case _:
            raise BadFrame


def _act(token: str, pk: int, action: Callable[..., object], **options: object) -> None:
    """Do what a frame asks for, unless a sign-in has just given the chat to another one."""
    with opened_by(token, pk):
        action(pk, **options)


def _authorise(token: str, origin: str | None, frame: Frame) -> Conversation:
    conversation = access_by_token(token)
    check_origin_of(origin, conversation)
    if isinstance(frame, AskForPerson):
        check_rate("hand_offs", str(conversation.pk), limit=HAND_OFFS_AN_HOUR, window_seconds=3600)
    if not isinstance(frame, Typing | Read):
        check_rate("actions", str(conversation.pk), limit=ACTIONS_A_MINUTE, window_seconds=60)
    return conversation


class Sender(Protocol):
    """Who sends a message: what of a socket that needs."""

    @property
    def token(self) -> str:
        """The conversation's."""

    @property
    def origin(self) -> str | None:
        """The page's, where a browser told it."""

    @property
    def address(self) -> str:
        """Where the connection came from."""


def receive(sender: Sender, conversation: Conversation, frame: Say) -> Receipt:
    """Authorise and store a message in one go: most frames that cost something are messages."""
    check_message_rates(conversation, address=sender.address)
    return receive_by_token(
        sender.token,
        client_id=frame.client_id,
        text=frame.text,
        authorise=partial(check_origin_of, sender.origin),
    )


async def _say(socket: "ChatConsumer", conversation: Conversation, frame: Say) -> None:
    receipt = await in_database_thread(receive)(socket, conversation, frame)
    # Committed by now, so the acknowledgement is true whatever happens next.
    ack = {
        "type": "ack",
        "client_id": str(frame.client_id),
        "message": str(receipt.message.public_id),
        "seq": receipt.message.seq,
    }
    await socket.send_frame(ack)
    if socket.writer is not None:
        socket.writer.take_own(receipt)


def _typing(socket: "ChatConsumer", *, on: bool) -> None:
    conversation = socket.conversation
    if conversation is None:
        return
    publish_soon(
        conversation_group(conversation.public_id),
        {
            "type": "typing",
            "conversation": socket.conversation_id,
            "author": {"kind": "customer", "name": str(conversation.customer)},
            "on": on,
            "origin": "customer",
        },
    )


async def _stop(pk: int, act: Act) -> None:
    answer = await in_database_thread(running_answer)(pk)
    if answer is None:
        return
    seen = await running_text(answer.message)
    is_current = seen is not None and seen[0] // 10 == answer.attempt // 10
    shown = seen[1] if seen is not None and is_current else answer.partial_text
    await act(stop_answer, turn_id=answer.message, shown=shown)


async def _confirm(socket: "ChatConsumer", act: Act, frame: Confirm) -> None:
    try:
        await act(decide, call_id=frame.call, accept=frame.accept)
    except Unauthorized:
        raise
    except SupportError as error:
        # It names the card, so that its buttons come back.
        await socket.send_frame({**error_frame(error), "call": str(frame.call)})
        return
    if socket.writer is not None:
        # By the one writer, so that no older state comes last; also where nothing has changed.
        socket.writer.say_card_again(str(frame.call))


async def _contact(socket: "ChatConsumer", act: Act, email: str) -> None:
    try:
        validate_email(email)
    except ValidationError:
        raise BadEmail from None
    await act(save_contact_email, email=email)
    await socket.send_frame({"type": "contact_saved", "email": email})
