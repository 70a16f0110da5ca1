"""Unguessable tokens and what is kept of them."""

import hashlib
import secrets


def new_token() -> str:
    """Return a fresh URL-safe token of 256 bits."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return the hex SHA-256 of ``token``: all that is ever stored of it.

    A plain hash is enough: the token has 256 random bits, so there is nothing to stretch.
    """
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
