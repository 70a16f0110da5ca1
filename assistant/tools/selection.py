"""Which tools a caller may use on a site: the installation's functions and the site's rows."""

import logging

from assistant.models import HttpTool
from assistant.tools.caller import Caller
from assistant.tools.definitions import Tool
from assistant.tools.http import http_tool
from assistant.tools.registry import registered_tools
from conversations.models import Site
from core.holding import held

logger = logging.getLogger(__name__)


def tools_for(site: Site, caller: Caller) -> tuple[Tool, ...]:
    """Return the tools that ``caller`` may use; a function goes before a row of its name."""
    own = {one.name: one for one in registered_tools()}
    configured = {one.name: one for one in _configured(site.pk)}
    return tuple(one for one in (configured | own).values() if one.may_be_called_by(caller))


def find_tool(site: Site, name: str, *, caller: Caller) -> Tool | None:
    """Return one tool, if ``caller`` may use it now."""
    return next((one for one in tools_for(site, caller) if one.name == name), None)


@held
def _configured(site_pk: int) -> tuple[Tool, ...]:
    found: list[Tool] = []
    rows = HttpTool.objects.filter(site=site_pk, is_active=True).select_related("site")
    for row in rows.order_by("name"):
        try:
            found.append(http_tool(row))
        except ValueError:
            # The form refuses such a row; one that came another way must not cost the turn.
            logger.warning("the configured tool %s can't be used", row.name)
    return tuple(found)
