"""Who may work at the desk; checked before each view and again at each event of a socket."""

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from accounts.models import User
from core.errors import Forbidden, NotFound
from escalation.services import heard_from

PERMISSION = "escalation.work_queue"
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def may_work(user: object) -> bool:
    """Whether ``user`` is staff that may take, answer and resolve conversations."""
    return isinstance(user, User) and user.is_staff and user.has_perm(PERMISSION)


def agent_of(request: HttpRequest) -> User:
    """Return the agent behind a request; raise ``PermissionDenied`` for anybody else."""
    user = request.user
    if not isinstance(user, User) or not may_work(user):
        raise PermissionDenied
    return user


def for_agents(view: View[P]) -> View[P]:
    """Let only agents through, note that they are at the desk, and speak Django's errors."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        # Without a websocket this is all the presence there is.
        heard_from(agent_of(request))
        try:
            return view(request, *args, **kwargs)
        except NotFound:
            raise Http404 from None
        except Forbidden:
            raise PermissionDenied from None

    return guarded


def find_agent(session_key: str | None) -> User | None:
    """Return the agent whose log-in ``session_key`` is, read anew; ``None`` when it is over.

    Covers the end of the session, a changed password, a deactivated account and a lost role.
    """
    if not session_key:
        return None
    request = HttpRequest()
    store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(session_key)
    user = get_user(request)
    return user if isinstance(user, User) and may_work(user) else None
