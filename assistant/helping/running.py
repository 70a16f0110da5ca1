"""The order of one piece of help: claim, read, work, finish."""

import asyncio
import logging

from django.db import Error

from assistant.helping.cases import read_case
from assistant.helping.claims import (
    DEADLINE_SECONDS,
    HelpClaim,
    claim_run,
    fail_run,
    finish_run,
    queued_runs,
)
from assistant.helping.kinds import SERVICES
from assistant.helping.outcomes import Outcome
from core.background import in_database_thread
from core.errors import SupportError
from llm.errors import ModelError

logger = logging.getLogger(__name__)
# In one process: customers' turns share its database threads, and go first.
AT_ONCE = 8
POLL_SECONDS = 2.0
_running: set[int] = set()


async def run_help(run_pk: int) -> None:
    """Work on a request if it is free and there is room; else it stays queued for the poll."""
    if run_pk in _running or len(_running) >= AT_ONCE:
        return
    _running.add(run_pk)
    try:
        claim = await in_database_thread(claim_run)(run_pk)
        if claim is not None:
            await _work(claim)
    except Error as error:
        # The row says what is due: the poll takes up what is queued, the relay ends the rest.
        logger.warning("help %s: %s", run_pk, type(error).__name__)
    finally:
        _running.discard(run_pk)


async def poll_forever() -> None:
    """Work on what no task brought: a lost hint, no room then, no Redis."""
    tasks: set[asyncio.Task[None]] = set()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        room = AT_ONCE - len(_running)
        if room <= 0:
            continue
        try:
            due = await in_database_thread(queued_runs)(limit=room)
        except Error as error:
            logger.warning("poll for help missed: %s", type(error).__name__)
            continue
        for run_pk in due:
            task = asyncio.create_task(run_help(run_pk))
            tasks.add(task)
            task.add_done_callback(tasks.discard)


async def _work(claim: HelpClaim) -> None:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            outcome = await _help(claim)
    except TimeoutError:
        await _fail(claim, code="deadline")
    except (SupportError, ModelError) as error:
        await _fail(claim, code=error.code)
    except Error:
        raise
    except Exception as error:  # a task's edge
        logger.exception("help %s failed", claim.run_pk)
        await _fail(claim, code=type(error).__name__)
    else:
        await in_database_thread(finish_run)(claim, outcome)


async def _help(claim: HelpClaim) -> Outcome:
    case = await in_database_thread(read_case)(claim.run_pk, seconds=DEADLINE_SECONDS)
    return await SERVICES[case.run.kind](case)


async def _fail(claim: HelpClaim, *, code: str) -> None:
    logger.info("help %s ended without: %s", claim.run_pk, code)
    await in_database_thread(fail_run)(claim, code=code)
