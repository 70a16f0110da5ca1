"""Who may read reports."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

PERMISSION = "reports.view_reports"
View = Callable[[HttpRequest], HttpResponseBase]


def for_readers(view: View) -> View:
    """Let only staff with the permission through: strangers log in first, others get a 403."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if not user.is_authenticated:
            return redirect_to_login(request.get_full_path(), reverse("admin:login"))
        if not (user.is_active and user.is_staff and user.has_perm(PERMISSION)):
            raise PermissionDenied
        return view(request)

    return guarded
