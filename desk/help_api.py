"""Help for agents as JSON: ask for a piece of it, look what came of it, keep a drafted article."""

import json
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from pydantic import BaseModel, ConfigDict, ValidationError

from accounts.models import User
from assistant.helping.article_writing import keep_article
from assistant.helping.outcomes import detail_of
from assistant.helping.requests import access_run, request_help
from assistant.models import HelperRun
from core.errors import BadInput, Forbidden, SupportError, TooLong, Unauthorized, Unavailable
from desk.access import may_work
from escalation.selectors import access_conversation

logger = logging.getLogger(__name__)
MAX_BODY_BYTES = 32_768
P = ParamSpec("P")
View = Callable[Concatenate[User, HttpRequest, P], JsonResponse]


class _Asked(BaseModel):
    """A request's body; what the kinds of help take besides is checked by the service."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: str
    conversation: UUID
    text: str = ""
    language: str = ""
    tone: str = ""


def _for_agents(view: View[P]) -> Callable[Concatenate[HttpRequest, P], JsonResponse]:
    """Let only agents through, and answer every failure as JSON."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> JsonResponse:
        try:
            return view(_agent_of(request), request, *args, **kwargs)
        except SupportError as error:
            return _refusal(error)
        except DatabaseError as error:
            logger.warning("help not handled: %s", type(error).__name__)
            return _refusal(Unavailable("That did not work right now. Please try again."))

    return guarded


@never_cache
@require_POST
@_for_agents
def ask_for_help(agent: User, request: HttpRequest) -> JsonResponse:
    """Queue a request; what comes of it is told by the socket and by its own address."""
    asked = _read_body(request)
    conversation = access_conversation(agent, public_id=asked.conversation)
    given = asked.model_dump(exclude={"kind", "conversation"}, exclude_defaults=True)
    run = request_help(asked.kind, conversation=conversation, by=agent, **given)
    return JsonResponse(_shown(run), status=202)


@never_cache
@require_safe
@_for_agents
def read_help(agent: User, request: HttpRequest, public_id: UUID) -> JsonResponse:
    """Return a run as it stands."""
    return JsonResponse(_shown(access_run(agent, public_id=public_id)))


@never_cache
@require_POST
@_for_agents
def keep_help_article(agent: User, request: HttpRequest, public_id: UUID) -> JsonResponse:
    """Make a drafted article an unpublished one; repeated it makes no other."""
    article = keep_article(access_run(agent, public_id=public_id), by=agent)
    url = reverse("admin:knowledge_article_change", args=[article.pk])
    return JsonResponse({"title": article.title, "url": url}, status=201)


def _agent_of(request: HttpRequest) -> User:
    user: User | AnonymousUser = request.user
    if not isinstance(user, User):
        raise Unauthorized("Please log in.")
    if not may_work(user):
        raise Forbidden
    return user


def _read_body(request: HttpRequest) -> _Asked:
    if len(request.body) > MAX_BODY_BYTES:
        raise TooLong("That is too long.")
    try:
        return _Asked.model_validate(json.loads(request.body))
    except (ValueError, RecursionError, ValidationError):
        raise BadInput("That request is not understood.") from None


def _shown(run: HelperRun) -> dict[str, Any]:
    failed = run.state == HelperRun.State.FAILED
    return {
        "id": str(run.public_id),
        "kind": run.kind,
        "conversation": str(run.conversation.public_id) if run.conversation else None,
        "state": run.state,
        "output": run.output,
        "by_model": bool(run.model),
        "error": {"code": run.error_code, "detail": detail_of(run.error_code)} if failed else None,
    }


def _refusal(error: SupportError) -> JsonResponse:
    answer = JsonResponse(
        {"error": {"code": error.code, "detail": error.detail}}, status=error.status
    )
    if error.retry_after is not None:
        answer["Retry-After"] = str(max(1, round(error.retry_after)))
    return answer
