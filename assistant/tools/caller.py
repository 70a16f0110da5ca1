"""For whom a tool is called: said by the server, never by the model."""

from dataclasses import dataclass

from conversations.models import Conversation


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a tool is called; ``external_id`` and ``email`` only if the site signed them."""

    site_key: str
    is_verified: bool
    external_id: str
    email: str
    is_agent: bool = False


def caller_of(conversation: Conversation) -> Caller:
    """Return for whom the tools of a conversation are called."""
    customer = conversation.customer
    verified = conversation.is_vouched_for
    return Caller(
        site_key=conversation.site.key,
        is_verified=verified,
        external_id=customer.external_id if verified else "",
        email=customer.email if verified else "",
    )
