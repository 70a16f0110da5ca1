"""By what a log-in is counted before it is locked out; django-axes does the counting."""

from django.http import HttpRequest

from core.limits import UNKNOWN, network_of


def network_of_request(request: HttpRequest) -> str | None:
    """Return the address that stands for the request's network; ``None`` where it has none."""
    # One who guesses passwords has all of an IPv6 /64 to do it from.
    network = network_of(request.META.get("REMOTE_ADDR", ""))
    return None if network == UNKNOWN else network
