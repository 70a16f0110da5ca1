"""The HTTP side of the protocol: sessions, messages, ratings."""

import json
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from uuid import UUID

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from assistant.actions import decide
from assistant.cards import read_cards, view_card
from assistant.services import receive_by_token
from conversations.models import Conversation, Site
from conversations.selectors import access_conversation, access_site, all_origins
from conversations.services import opened_by, rate_conversation
from conversations.text import clean_text
from core.errors import BadInput, NotFound, SupportError, TooLong, Unavailable
from core.limits import check_rate
from escalation.selectors import people_online
from widget.identity import read_claim
from widget.limits import ACTIONS_A_MINUTE, check_message_rates, check_reading_rates
from widget.openapi import OPENAPI
from widget.origins import check_origin, check_origin_of
from widget.protocol import MAX_FRAME_BYTES, card_frame, message_frame, message_frames
from widget.sessions import open_session
from widget.state import next_page

logger = logging.getLogger(__name__)
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
PAGE = 100


class MethodNotAllowed(SupportError):
    """The address is right, the verb is not."""

    code = "method_not_allowed"
    status = 405
    detail = "That method is not allowed here."


def problem(error: SupportError) -> HttpResponse:
    """Return an expected failure as ``application/problem+json``."""
    body = {
        "type": "about:blank",
        "title": error.code.replace("_", " ").capitalize(),
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    response = JsonResponse(body, status=error.status, content_type="application/problem+json")
    if error.retry_after is not None:
        response["Retry-After"] = str(max(1, round(error.retry_after)))
    return response


def endpoint(*methods: str) -> Callable[[View[P]], View[P]]:
    """Turn ``SupportError`` into a problem, hold the verbs, answer preflights."""

    def decorate(view: View[P]) -> View[P]:
        @csrf_exempt
        @wraps(view)
        def call(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                if request.method == "OPTIONS":
                    response = HttpResponse(status=204)
                elif request.method not in methods:
                    raise MethodNotAllowed
                else:
                    response = view(request, *args, **kwargs)
            except RequestDataTooBig:
                response = problem(TooLong("The request is too large."))
            except SupportError as error:
                response = problem(error)
            except DatabaseError as error:
                # Its text may hold what the visitor wrote: the type is all that is logged.
                logger.warning("%s: %s", request.path, type(error).__name__)
                response = problem(Unavailable(retry_after=2))
            return _with_cors(request, response, methods)

        return cast(View[P], call)

    return decorate


def _with_cors(
    request: HttpRequest, response: HttpResponse, methods: tuple[str, ...]
) -> HttpResponse:
    """Let the allowed sites' own pages read the answer; no cookie ever counts here."""
    origin = request.headers.get("Origin")
    response["Vary"] = "Origin"
    response["Cache-Control"] = "no-store"
    if origin and origin in all_origins():
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        response["Access-Control-Allow-Methods"] = ", ".join(methods)
    return response


def _body(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > MAX_FRAME_BYTES:
        raise TooLong("The request is too large.")
    try:
        value = json.loads(request.body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadInput("The body must be a JSON object.") from None
    if not isinstance(value, dict):
        raise BadInput("The body must be a JSON object.")
    return value


def _no_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's: the database takes neither."""
    raise ValueError(name)


def _text_field(body: dict[str, Any], name: str, *, limit: int) -> str:
    value = body.get(name)
    return "" if value is None else clean_text(value, limit=limit, field=name)


def _token(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.casefold() == "bearer" else ""


def _authorise(request: HttpRequest, public_id: UUID) -> Conversation:
    conversation = access_conversation(_token(request), public_id=public_id)
    check_origin(request.headers.get("Origin"), site=conversation.site)
    return conversation


@endpoint("POST")
def sessions(request: HttpRequest) -> HttpResponse:
    """Start or resume a session."""
    body = _body(request)
    site = access_site(body.get("site"))
    # Before anything is counted: any website may send requests from a visitor's address.
    check_origin(request.headers.get("Origin"), site=site)
    session = open_session(
        site,
        claim=read_claim(body.get("customer"), site=site),
        token=_text_field(body, "token", limit=200),
        locale=_text_field(body, "locale", limit=12),
        page_url=_page_url(body),
        address=request.META.get("REMOTE_ADDR", ""),
    )
    return JsonResponse(
        {
            "token": session.token,
            "conversation": str(session.conversation.public_id),
            "expires_at": session.expires_at.isoformat(),
            "status": session.conversation.status,
            "site": site_facts(site),
        },
        status=201,
    )


def _page_url(body: dict[str, Any]) -> str:
    """Only web addresses are kept: an agent may click on it."""
    url = _text_field(body, "page_url", limit=2_000)
    return url if url.startswith(("https://", "http://")) else ""


def site_facts(site: Site) -> dict[str, Any]:
    """Return what the widget draws of a site."""
    return {
        "name": site.name,
        "greeting": site.greeting,
        "accent": site.accent,
        "locale": site.locale,
        "suggestions": site.suggestions,
        "max_chars": 4_000,
        "privacy_url": site.privacy_url,
        "people_online": people_online(),
    }


@endpoint("GET", "POST")
def messages(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """List or add messages of the token's conversation."""
    conversation = _authorise(request, public_id)
    if request.method == "POST":
        return _add_message(request, conversation)
    check_reading_rates(conversation, address=request.META.get("REMOTE_ADDR", ""))
    after = _number(request, "after", default=0, most=2_000_000_000)
    limit = _number(request, "limit", default=PAGE, most=PAGE)
    rows = next_page(conversation, after=after, limit=limit)
    cards = read_cards(conversation, rows)
    # After a sign-in what came since is for the new token's holder alone.
    _authorise(request, public_id)
    return JsonResponse(
        {
            "messages": message_frames(rows, conversation=conversation, cards=cards),
            "last_seq": conversation.last_seq,
            "status": conversation.status,
        }
    )


def _number(request: HttpRequest, name: str, *, default: int, most: int) -> int:
    text = request.GET.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise BadInput(f"{name} must be a whole number.")
    return min(int(text), most)


def _add_message(request: HttpRequest, conversation: Conversation) -> HttpResponse:
    body = _body(request)
    try:
        client_id = UUID(str(body.get("client_id")))
    except ValueError:
        raise BadInput("client_id must be a UUID.") from None
    check_message_rates(conversation, address=request.META.get("REMOTE_ADDR", ""))
    origin = request.headers.get("Origin")

    def authorise(locked: Conversation) -> None:
        if locked.public_id != conversation.public_id:
            raise NotFound
        check_origin_of(origin, locked)

    # By the token again: a sign-in may have renewed it since, and the chat is another one's then.
    receipt = receive_by_token(
        _token(request), client_id=client_id, text=body.get("text", ""), authorise=authorise
    )
    return JsonResponse(
        message_frame(receipt.message, conversation=conversation),
        status=201 if receipt.is_new else 200,
    )


@endpoint("POST")
def rating(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Rate the last resolved episode."""
    conversation = _authorise(request, public_id)
    check_rate("actions", str(conversation.pk), limit=ACTIONS_A_MINUTE, window_seconds=60)
    body = _body(request)
    with opened_by(_token(request), conversation.pk):
        stored = rate_conversation(
            conversation.pk, score=body.get("score"), comment=body.get("comment")
        )
    return JsonResponse({"score": stored.score, "comment": stored.comment})


@endpoint("POST")
def confirm(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Decide what a card asks: the ``confirm`` frame for clients without a socket."""
    conversation = _authorise(request, public_id)
    check_rate("actions", str(conversation.pk), limit=ACTIONS_A_MINUTE, window_seconds=60)
    body = _body(request)
    accept = body.get("accept")
    if not isinstance(accept, bool):
        raise BadInput("accept must be true or false.")
    try:
        call_id = UUID(str(body.get("call")))
    except ValueError:
        raise BadInput("call must be a UUID.") from None
    with opened_by(_token(request), conversation.pk):
        call = decide(conversation.pk, call_id=call_id, accept=accept)
    card = card_frame(view_card(call))
    return JsonResponse({"call": card["call"], "state": card["state"]})


@endpoint("GET")
def openapi(request: HttpRequest) -> HttpResponse:
    """Return the OpenAPI document."""
    return JsonResponse(OPENAPI)
