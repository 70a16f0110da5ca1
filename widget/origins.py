"""Which web origins may talk to the widget's side of the server."""

from urllib.parse import urlsplit

from django.conf import settings

from conversations.models import Conversation, Site
from core.errors import Forbidden


def own_origins() -> set[str]:
    """Return the server's own origin, as browsers write it."""
    parts = urlsplit(settings.PUBLIC_URL)
    own = {f"{parts.scheme}://{parts.netloc}"}
    if settings.DEMO and parts.port:
        # People type either name of the loopback.
        own |= {f"http://{name}:{parts.port}" for name in ("localhost", "127.0.0.1")}
    return own


def site_origins(site: Site) -> set[str]:
    """Return the exact origins that may use ``site``."""
    return own_origins() | {origin.rstrip("/") for origin in site.allowed_origins}


def check_origin(origin: str | None, *, site: Site) -> None:
    """Raise ``Forbidden`` unless the origin is absent, our own, or one of the site's."""
    if origin is not None and origin not in site_origins(site):
        raise Forbidden("This origin may not use this chat.")


def check_origin_of(origin: str | None, conversation: Conversation) -> None:
    """Do the same for a conversation's site, which is looked at only where it matters."""
    if origin is not None and origin not in own_origins():
        check_origin(origin, site=conversation.site)
