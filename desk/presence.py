"""Which agents have a desk page open: an agent is gone a while after the last one closed."""

import asyncio
import logging
from collections import Counter
from datetime import timedelta

from django.db import DatabaseError
from django.db.models.functions import Now

from accounts.models import User
from core.background import in_database_thread
from escalation.models import AgentProfile
from escalation.services import left

logger = logging.getLogger(__name__)
# Long enough to go from one page to the next.
GRACE_SECONDS = 5.0
_sockets: Counter[int] = Counter()
_leaving: set[asyncio.Task[None]] = set()


def arrived(agent: User) -> None:
    """Count a socket of ``agent`` in this process."""
    _sockets[agent.pk] += 1


def departed(agent: User) -> None:
    """Uncount a socket; after the last one the agent has a moment to come back."""
    _sockets[agent.pk] -= 1
    if _sockets[agent.pk] > 0:
        return
    del _sockets[agent.pk]
    task = asyncio.get_running_loop().create_task(_leave_later(agent))
    _leaving.add(task)
    task.add_done_callback(_leaving.discard)


async def _leave_later(agent: User) -> None:
    await asyncio.sleep(GRACE_SECONDS)
    if _sockets[agent.pk]:
        return
    try:
        await in_database_thread(_leave_unless_heard)(agent)
    except DatabaseError as error:
        # Unheard for long enough counts as gone anyway.
        logger.warning("departure not noted: %s", type(error).__name__)


def _leave_unless_heard(agent: User) -> None:
    """Another process, or a page without a socket, may have heard from the agent since."""
    since = Now() - timedelta(seconds=GRACE_SECONDS)
    if AgentProfile.objects.filter(user=agent, last_seen_at__lt=since).exists():
        left(agent)
