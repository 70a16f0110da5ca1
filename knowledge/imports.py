"""Imports as rows: who asked, who works on one, how far it is, and when the next is due.

Light on purpose: the admin asks for imports here without loading the readers.
"""

import logging
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.models import User
from core.errors import Conflict
from knowledge.import_tasks import run_import_task
from knowledge.models import ImportRun, Source

logger = logging.getLogger(__name__)
OPEN = (ImportRun.State.QUEUED, ImportRun.State.RUNNING)
# Longer than the slowest file takes; a task that was lost is sent again after the second.
LEASE = timedelta(minutes=5)
LOST_AFTER = timedelta(minutes=1)
# What kills its worker each time is given up after so long.
GIVE_UP_AFTER = timedelta(hours=6)
INTERRUPTED = "It was interrupted. Start it again on the server that has the folder."
GIVEN_UP = "It was taken up again and again for six hours without coming to its end."


def open_run(
    source: Source,
    *,
    requested_by: User | None = None,
    upload: bytes | None = None,
    upload_name: str = "",
) -> ImportRun:
    """Make a queued import; raise ``Conflict`` while another of the source is open."""
    try:
        with transaction.atomic():
            return ImportRun.objects.create(
                source=source, requested_by=requested_by, upload=upload, upload_name=upload_name
            )
    except IntegrityError as error:
        raise Conflict("An import of it is under way.") from error


def request_import(
    source: Source,
    *,
    requested_by: User | None = None,
    upload: bytes | None = None,
    upload_name: str = "",
) -> ImportRun:
    """Open an import and have a worker do it once that is committed."""
    run = open_run(source, requested_by=requested_by, upload=upload, upload_name=upload_name)
    transaction.on_commit(lambda: _send(run.pk))
    return run


def set_recrawl(source: Source, *, hours: int | None) -> None:
    """Have a website read again each so many ``hours``, from now on; ``None`` for never."""
    source.recrawl_hours = hours
    source.next_crawl_at = timezone.now() + timedelta(hours=hours) if hours else None
    source.save(update_fields=["recrawl_hours", "next_crawl_at"])


def request_due_imports() -> int:
    """Open the imports whose time has come; return how many."""
    due = Source.objects.filter(next_crawl_at__lte=timezone.now(), recrawl_hours__isnull=False)
    return sum(_claim_due(source) for source in due)


def tend_runs() -> int:
    """Send again what no worker has, and give up what can't end; return how many were sent."""
    now = timezone.now()
    end_lapsed_runs()
    waiting = Q(state=ImportRun.State.QUEUED, created_at__lte=now - LOST_AFTER)
    lapsed = Q(state=ImportRun.State.RUNNING, lease_until__lte=now)
    runs = ImportRun.objects.exclude(source__kind=Source.Kind.FOLDER).filter(waiting | lapsed)
    return sum(_send(pk) for pk in runs.values_list("pk", flat=True))


def end_lapsed_runs() -> None:
    """End the imports that no worker can take up again."""
    now = timezone.now()
    lapsed = ImportRun.objects.filter(state=ImportRun.State.RUNNING, lease_until__lte=now)
    for run in lapsed.select_related("source"):
        if run.source.kind == Source.Kind.FOLDER:
            fail_run(run.pk, why=INTERRUPTED)
        elif run.created_at <= now - GIVE_UP_AFTER:
            fail_run(run.pk, why=GIVEN_UP)


def claim_run(run_id: int) -> ImportRun | None:
    """Take an import that nobody works on; of two workers one gets it."""
    now = timezone.now()
    free = Q(state=ImportRun.State.QUEUED) | Q(state=ImportRun.State.RUNNING, lease_until__lte=now)
    claimed = ImportRun.objects.filter(free, pk=run_id).update(
        state=ImportRun.State.RUNNING, lease_until=now + LEASE
    )
    if not claimed:
        return None
    return ImportRun.objects.select_related("source__site").get(pk=run_id)


def fail_run(run_id: int, *, why: str) -> None:
    """End an open import; what it stored stays."""
    ImportRun.objects.filter(pk=run_id, state__in=OPEN).update(
        state=ImportRun.State.FAILED,
        errors={"": why},
        upload=None,
        lease_until=None,
        finished_at=timezone.now(),
    )


def _claim_due(source: Source) -> bool:
    """Move a source's time on, by which one of two schedulers gets it, and open its import."""
    hours = timedelta(hours=source.recrawl_hours or 1)
    claimed = Source.objects.filter(pk=source.pk, next_crawl_at=source.next_crawl_at).update(
        next_crawl_at=timezone.now() + hours
    )
    if not claimed:
        return False
    try:
        request_import(source)
    except Conflict:
        return False
    return True


def _send(run_id: int) -> bool:
    """Hand the import to the workers, with one try: the periodic task sends it again."""
    try:
        run_import_task.apply_async(args=(run_id,), queue="bulk", retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("import %s is left to the sweep: %s", run_id, type(error).__name__)
        return False
    return True
