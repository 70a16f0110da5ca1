"""Starting and resuming a customer's session."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from conversations.models import Conversation, Customer, Site
from conversations.selectors import access_by_token
from conversations.services import (
    REOPEN_WITHIN,
    CustomerClaim,
    identify_customer,
    lock_by_token,
    renew_token,
    slide_token,
    start_conversation,
)
from core.errors import Forbidden, Unauthorized
from core.limits import network_key
from widget.limits import check_resume_rate, check_session_rate


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation with the token that opens it."""

    conversation: Conversation
    token: str
    expires_at: datetime


def open_session(
    site: Site, *, claim: CustomerClaim, token: str, locale: str, page_url: str, address: str
) -> Session:
    """Resume the token's conversation, or start one; raise ``Unauthorized`` for a bad token.

    Raises ``RateLimited`` where a conversation is resumed, or an address begins some, too often.
    """
    if token:
        resumed = _resume(site, claim=claim, token=token, address=address)
        if isinstance(resumed, Session):
            return resumed
        customer: Customer | None = resumed
    else:
        customer = None
    check_session_rate(address)
    conversation, fresh = start_conversation(
        site,
        claim=claim,
        customer=customer,
        locale=locale,
        page_url=page_url,
        network=network_key(address),
    )
    return Session(conversation, fresh, conversation.token_expires_at)


def _resume(
    site: Site, *, claim: CustomerClaim, token: str, address: str
) -> Session | Customer | None:
    """Return the session, or the customer to start a new one for (``None``: the claim's)."""
    conversation = _opened(token, address=address)
    if conversation.site_id != site.pk:
        raise Unauthorized
    if not _may_continue(conversation, claim):
        return None
    if site.require_identity and not conversation.customer.is_verified:
        raise Forbidden("This site asks for a signed identity.")
    ended = conversation.resolved_at
    if ended is not None and timezone.now() - ended > REOPEN_WITHIN:
        # The token may outlive the log-in by weeks: whose the next one is, a signature must say.
        is_anonymous = not claim.is_verified and not conversation.customer.is_verified
        return conversation.customer if is_anonymous else None
    token = _adopt(conversation, claim, token=token) or token
    return Session(conversation, token, slide_token(conversation))


def _opened(token: str, *, address: str) -> Conversation:
    try:
        conversation = access_by_token(token)
    except Unauthorized:
        check_session_rate(address)
        raise
    check_resume_rate(conversation)
    return conversation


def _may_continue(conversation: Conversation, claim: CustomerClaim) -> bool:
    """Whether a signed visitor is the conversation's own: never somebody else's chat."""
    customer = conversation.customer
    if not claim.is_verified or not customer.is_verified:
        return True
    return customer.external_id == claim.external_id


@transaction.atomic
def _adopt(conversation: Conversation, claim: CustomerClaim, *, token: str) -> str | None:
    """Give the conversation to the customer who has signed in; return its new token if so.

    The anonymous token ends with the sign-in: somebody may have planted or kept it. Raises
    ``Unauthorized`` where another sign-in came first: of two the conversation is the first one's.
    """
    if not claim.is_verified:
        return None
    customer = identify_customer(conversation.site, claim=claim)
    locked = lock_by_token(token)
    if not _may_continue(locked, claim):
        raise Unauthorized
    Conversation.objects.filter(pk=conversation.pk).update(
        customer=customer, identity_expires_at=claim.expires_at
    )
    return None if customer.pk == locked.customer_id else renew_token(locked)
