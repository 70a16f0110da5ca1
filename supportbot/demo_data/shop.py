"""The demo's site: a made-up outdoor shop, "Harbor & Pine"."""

from urllib.parse import urlsplit

from conversations.models import Site

KEY = "demo"
NAME = "Harbor & Pine"
LOOPBACK_TWINS = {"127.0.0.1": "localhost", "localhost": "127.0.0.1"}
OWN_LOOK: dict[str, object] = {
    "name": NAME,
    "greeting": "Hi, welcome to Harbor & Pine! Ask me about orders, sizes, returns or repairs.",
    "suggestions": [
        "How long do I have to return something?",
        "How long does shipping take?",
        "Do you repair jackets?",
        "Can I change my order?",
    ],
    "accent": "#1f6f5c",
}


def ensure_site(public_url: str) -> Site:
    """Return the demo's site, made where it is missing, that allows the shop's own address.

    Only addresses are added to a site that exists: the port may change from start to start,
    and the rest belongs to the manager who edits it.
    """
    site, _ = Site.objects.get_or_create(key=KEY, defaults=OWN_LOOK)
    origins = own_origins(public_url)
    hosts = [urlsplit(origin).hostname or "" for origin in origins]
    site.allowed_origins = _with(site.allowed_origins, origins)
    site.link_hosts = _with(site.link_hosts, hosts)
    site.save(update_fields=["allowed_origins", "link_hosts"])
    return site


def own_origins(public_url: str) -> list[str]:
    """Return the origin of an address, and the other name of the loopback host with it."""
    parts = urlsplit(public_url)
    port = f":{parts.port}" if parts.port else ""
    hosts = [parts.hostname or "", LOOPBACK_TWINS.get(parts.hostname or "", "")]
    return [f"{parts.scheme}://{host}{port}" for host in hosts if host]


def _with(known: list[str], more: list[str]) -> list[str]:
    return list(dict.fromkeys([*known, *more]))
