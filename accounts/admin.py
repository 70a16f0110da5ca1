"""Staff accounts in the admin."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest

from accounts.models import User


@admin.register(User)
class StaffAdmin(UserAdmin):  # type: ignore[type-arg]
    """Only a superuser makes superusers, or touches one."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Keep the fields that would lift anybody above their role."""
        fields = super().get_readonly_fields(request, obj)
        return fields if _is_super(request) else (*fields, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An administrator may not change a superuser (nor set their password)."""
        if obj is not None and obj.is_superuser and not _is_super(request):
            return False
        return super().has_change_permission(request, obj)


def _is_super(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))
