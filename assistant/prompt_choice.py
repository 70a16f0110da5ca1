"""Which version of the answer's prompt a site uses."""

from django.db import transaction

from assistant.prompt_library import load_prompt
from conversations.models import Site
from core.errors import NotFound

ANSWER = "answer"


@transaction.atomic
def choose_prompt(site_pk: int, *, version: int | None) -> Site:
    """Let a site's answers be written by ``version``, by the newest one where it is ``None``.

    Raises ``NotFound`` for a site or a version that there is not.
    """
    load_prompt(ANSWER, version)
    site = Site.objects.select_for_update(of=("self",)).filter(pk=site_pk).first()
    if site is None:
        raise NotFound
    site.prompt_version = version
    site.save(update_fields=["prompt_version"])
    return site


def prompt_in_force(site: Site) -> int:
    """Return the version that a site's answers are written by."""
    return load_prompt(ANSWER, site.prompt_version).version
