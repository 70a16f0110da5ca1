"""Encryption of single fields: texts that may be stored, but not read from the database alone.

Fernet (AES-128-CBC with HMAC-SHA256). The first key encrypts, each of them decrypts, so keys
are rotated by putting a new one before the old.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from core.errors import SupportError


class Undecipherable(SupportError):
    """A stored text was encrypted with a key that is not configured any more, or was changed."""

    code = "undecipherable"
    status = 500
    detail = "That is stored encrypted and can't be read any more."


def encrypt(text: str) -> str:
    """Return ``text`` encrypted and authenticated, as ASCII; the same text differs each time."""
    return configured_fernet().encrypt(text.encode()).decode("ascii")


def decrypt(text: str) -> str:
    """Return what ``encrypt`` was given; raise ``Undecipherable`` when no key fits."""
    try:
        return configured_fernet().decrypt(text.encode()).decode()
    except InvalidToken:
        raise Undecipherable from None


def configured_fernet() -> MultiFernet:
    """Return the keys of the settings; raise ``ImproperlyConfigured`` when one is malformed."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS), secrets)


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...], secrets: tuple[str, ...]) -> MultiFernet:
    # What was encrypted before keys were configured stays readable after.
    return MultiFernet([*map(_configured, keys), *map(_derived, secrets)])


def _configured(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS holds something that is not 32 bytes in URL-safe base64"
        ) from None


def _derived(secret: str) -> Fernet:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"supportbot.field-encryption")
    return Fernet(base64.urlsafe_b64encode(hkdf.derive(secret.encode())))
