"""Who a visitor claims to be, and whether their site signed it."""

import hashlib
import hmac
import json
import math
import time
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from conversations.models import Site
from conversations.services import CustomerClaim
from conversations.text import clean_text
from core.errors import BadInput, Forbidden, TooLong

MAX_EXPIRY_SECONDS = 86_400
MAX_ATTRIBUTES = 20
# Of all together, as JSON: they are kept with each new visitor, whoever that is.
MAX_ATTRIBUTES_BYTES = 4_096


def canonical_json(customer: dict[str, Any]) -> bytes:
    """Return what is signed: ``customer`` without ``signature``, sorted keys, no spaces."""
    signed = {key: value for key, value in customer.items() if key != "signature"}
    return json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
        "utf-8", "replace"
    )


def sign(customer: dict[str, Any], *, secret: str) -> str:
    """Return the hex HMAC-SHA-256 of ``customer`` under the site's secret."""
    return hmac.new(secret.encode(), canonical_json(customer), hashlib.sha256).hexdigest()


def read_claim(customer: object, *, site: Site, now: float | None = None) -> CustomerClaim:
    """Return the claim in a session's ``customer``; ``now`` is in Unix seconds.

    A wrong or missing signature raises ``Forbidden`` where the site demands identity; else
    the visitor is anonymous, and the claimed ``external_id`` is dropped.
    """
    if customer is not None and not isinstance(customer, dict):
        raise BadInput("customer must be an object.")
    claimed: dict[str, Any] = customer or {}
    is_verified = _is_signed(claimed, site=site, now=time.time() if now is None else now)
    if site.require_identity and not is_verified:
        raise Forbidden("This site asks for a signed identity.")
    return CustomerClaim(
        external_id=_field(claimed, "external_id") if is_verified else "",
        name=_field(claimed, "name"),
        email=_email(claimed),
        attributes=_attributes(claimed),
        is_verified=is_verified,
        expires_at=datetime.fromtimestamp(claimed["expires"], UTC) if is_verified else None,
    )


def _is_signed(claimed: dict[str, Any], *, site: Site, now: float) -> bool:
    signature, expires = claimed.get("signature"), claimed.get("expires")
    if not isinstance(signature, str) or isinstance(expires, bool):
        return False
    if not isinstance(expires, int) or not now < expires <= now + MAX_EXPIRY_SECONDS:
        return False
    if not _field(claimed, "external_id"):
        return False
    expected = sign(claimed, secret=site.secret).encode()
    return hmac.compare_digest(expected, signature.encode("utf-8", "replace"))


def _field(claimed: dict[str, Any], name: str) -> str:
    value = claimed.get(name)
    return "" if value is None else clean_text(value, limit=200, field=name)


def _email(claimed: dict[str, Any]) -> str:
    email = _field(claimed, "email")
    if not email:
        return ""
    try:
        validate_email(email)
    except ValidationError:
        raise BadInput("email is not an e-mail address.") from None
    return email


def _attributes(claimed: dict[str, Any]) -> dict[str, Any]:
    attributes = claimed.get("attributes")
    if attributes is None:
        return {}
    if not isinstance(attributes, dict):
        raise BadInput("attributes must be an object.")
    if len(attributes) > MAX_ATTRIBUTES:
        raise BadInput(f"attributes: at most {MAX_ATTRIBUTES}.")
    cleaned = {
        clean_text(name, limit=60, field="attributes"): _attribute(value)
        for name, value in attributes.items()
    }
    if len(json.dumps(cleaned, ensure_ascii=False).encode()) > MAX_ATTRIBUTES_BYTES:
        raise TooLong("attributes: at most 4 kB together.")
    return cleaned


def _attribute(value: object) -> str | int | float | bool | None:
    """Only plain values: they are shown to agents one a line."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise BadInput("attributes: a whole number has 64 bits at most.")
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, str):
        return clean_text(value, limit=300, field="attributes")
    raise BadInput("attributes must be texts, numbers or true and false.")
