"""What an agent does to a conversation; each answers a form with a page and a script with JSON."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from django.contrib import messages
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import User
from assistant import services
from core.errors import BadInput, SupportError
from desk.access import agent_of
from desk.views.conversation import conversation_response
from escalation.selectors import access_conversation

logger = logging.getLogger(__name__)


class Busy(SupportError):
    """The database did not answer in time; nothing was changed."""

    code = "unavailable"
    status = 503
    detail = "That could not be stored right now. Please try again."


@dataclass(frozen=True, slots=True)
class Action:
    """One control: what it does, the sentence that tells so, and where on the page to go on."""

    work: Callable[..., object]
    said: str
    place: str = ""


# A browser that arrives at a text box gives it the focus.
TAKE = Action(services.take_conversation, "The conversation is yours.", place="#reply")
TAKE_OVER = replace(TAKE, work=services.take_over_conversation)
HAND_BACK = Action(
    services.hand_back,
    "The assistant has the conversation again. What it can't answer comes back to the queue.",
)
RESOLVE = Action(services.resolve_by_agent, "Resolved. The customer is asked for a rating.")


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "application/json"


def _attempt(work: Callable[[], object]) -> SupportError | None:
    """Run ``work``; return the failure that the agent is to read, if any."""
    try:
        work()
    except SupportError as error:
        return error
    except DatabaseError as error:
        logger.warning("action not carried out: %s", type(error).__name__)
        return Busy()
    return None


def _answer_json(error: SupportError | None, *, said: str) -> JsonResponse:
    if error is None:
        # The next reply's id comes along: browsers make UUIDs only on secure origins.
        return JsonResponse({"detail": said, "next_client_id": str(uuid4())})
    return JsonResponse({"detail": error.detail, "code": error.code}, status=error.status)


def _perform(request: HttpRequest, public_id: UUID, action: Action) -> HttpResponse:
    agent = agent_of(request)
    conversation = access_conversation(agent, public_id=public_id)
    error = _attempt(lambda: action.work(conversation.pk, agent=agent))
    if _wants_json(request):
        return _answer_json(error, said=action.said)
    if error is None:
        messages.success(request, action.said)
    else:
        messages.error(request, error.detail)
    page = reverse("admin:desk_conversation", args=[public_id])
    return redirect(page if error else page + action.place)


@require_POST
def take(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Claim the conversation; who comes second is told who was first."""
    return _perform(request, public_id, TAKE)


@require_POST
def take_over(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Claim the conversation of a colleague who is away."""
    return _perform(request, public_id, TAKE_OVER)


@require_POST
def hand_back(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Return the conversation to the assistant."""
    return _perform(request, public_id, HAND_BACK)


@require_POST
def resolve(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """End the conversation."""
    return _perform(request, public_id, RESOLVE)


@require_POST
def reply(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Send a reply, once however often its form is posted; a refused one keeps its draft."""
    agent = agent_of(request)
    conversation = access_conversation(agent, public_id=public_id)
    # Browsers post line breaks as CRLF.
    text = request.POST.get("text", "").replace("\r\n", "\n")
    claimed = request.POST.get("client_id", "")
    error = _attempt(lambda: _send(conversation.pk, agent=agent, text=text, claimed=claimed))
    if _wants_json(request):
        return _answer_json(error, said="Sent.")
    if error is None:
        return redirect("admin:desk_conversation", public_id)
    return conversation_response(
        request,
        public_id,
        draft=text,
        client_id=claimed,
        problem=error.detail,
        status=error.status,
    )


def _send(pk: int, *, agent: User, text: str, claimed: str) -> None:
    try:
        client_id = UUID(claimed)
    except ValueError:
        raise BadInput("client_id must be a UUID.") from None
    services.send_agent_reply(pk, agent=agent, text=text, client_id=client_id)
