"""A conversation's placeholders and their values, as one encrypted text that may be stored."""

import json
from collections.abc import Mapping

from django.conf import settings

from core.encryption import decrypt, encrypt


class Vault:
    """Seals values only where a deployment has configured keys for it; else nothing is kept."""

    @staticmethod
    def seal(values: Mapping[str, str]) -> str:
        """Return ``values`` encrypted; "" without ``FIELD_ENCRYPTION_KEYS``."""
        if not settings.FIELD_ENCRYPTION_KEYS or not values:
            return ""
        return encrypt(json.dumps(dict(values)))

    @staticmethod
    def open(sealed: str) -> dict[str, str]:
        """Return what was sealed; raise ``Undecipherable`` when no key fits any more."""
        if not sealed:
            return {}
        values: dict[str, str] = json.loads(decrypt(sealed))
        return values
