"""Fields that the admin never shows, and so must not let anybody ask for either."""

from typing import Any

from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest


class HiddenFields:
    """Goes before ``ModelAdmin``, which lets every field of a list's own rows be asked for.

    Who may filter by ``secret__startswith`` reads it letter by letter.
    """

    hidden_fields: frozenset[str] = frozenset()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Whether a list's address may filter by ``lookup``."""
        if lookup.split(LOOKUP_SEP, maxsplit=1)[0] in self.hidden_fields:
            return False
        return bool(super().lookup_allowed(lookup, value, request))  # type: ignore[misc] # ModelAdmin's
