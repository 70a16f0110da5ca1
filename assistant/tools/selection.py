"""Which tools a caller may use on a site: the installation's functions and the site's rows."""

import logging
from collections.abc import Iterable

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
    return _usable(_held_configured(site.pk), caller)


def find_tool(site: Site, name: str, *, caller: Caller) -> Tool | None:
    """Return one tool, if ``caller`` may use it now: one that was just switched off is none."""
    return next((one for one in _usable(_configured(site.pk), caller) if one.name == name), None)


def _usable(configured: Iterable[Tool], caller: Caller) -> tuple[Tool, ...]:
    by_name = {one.name: one for one in (*configured, *registered_tools())}
    return tuple(one for one in by_name.values() if one.may_be_called_by(caller))


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


_held_configured = held(_configured)
