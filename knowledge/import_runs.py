"""Does one import that was claimed: reads its source, keeps its row up to date, ends it."""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from django.utils import timezone

from core.errors import Conflict, SupportError
from knowledge.importers.content import Batch, Defaults
from knowledge.importers.files import folder_batch, upload_batch
from knowledge.importers.website import Website
from knowledge.importing import ImportResult, import_batch
from knowledge.imports import LEASE, claim_run, fail_run
from knowledge.models import ImportRun, Source

logger = logging.getLogger(__name__)
SAVE_SECONDS = 0.5
MAX_ERRORS = 200
MAX_ERROR_CHARACTERS = 300
STOPPED = "It was stopped by hand."
UNEXPECTED = "It ended by an error of ours; the log of the worker says more."


class Superseded(Conflict):
    """Another worker has the import now."""

    detail = "Another worker has this import now."


def run_import(run_id: int, *, now: bool = False) -> ImportResult | None:
    """Do an import if nobody else does; return what came of it, or ``None``.

    ``now`` indexes here. An import that a killed worker left begins again: what it stored
    already is found unchanged.
    """
    run = claim_run(run_id)
    if run is None:
        return None
    progress = _Progress(run)
    try:
        batch = batch_of(run)
        result = import_batch(
            run.source.site, batch=batch, source=run.source, now=now, report=progress.save
        )
        progress.end(result)
    except Superseded:
        logger.warning("import %s was taken over", run_id)
        return None
    except SupportError as error:
        fail_run(run_id, why=error.detail)
        return ImportResult(errors={"": error.detail})
    except KeyboardInterrupt:
        fail_run(run_id, why=STOPPED)
        raise
    except Exception:
        # The task's edge. A worker that is told to end leaves its import to the next one.
        fail_run(run_id, why=UNEXPECTED)
        raise
    return result


def batch_of(run: ImportRun) -> Batch:
    """Return what an import has to read; raise ``SupportError`` where that can't be had."""
    source = run.source
    defaults = Defaults(source.locale or source.site.locale, source.audience)
    if source.kind == Source.Kind.WEBSITE:
        return Website(source.location, defaults).batch()
    if source.kind == Source.Kind.FOLDER:
        return folder_batch(Path(source.location), defaults=defaults)
    return upload_batch(bytes(run.upload or b""), name=run.upload_name, defaults=defaults)


@dataclass(slots=True)
class _Progress:
    """Writes to the row how far the import is; doing so renews its lease."""

    run: ImportRun
    _saved_at: float = field(default=float("-inf"))
    # What it stored before its worker was killed is found unchanged in this second try.
    _created: int = field(init=False)
    _changed: int = field(init=False)

    def __post_init__(self) -> None:
        self._created, self._changed = self.run.created, self.run.changed

    def save(self, result: ImportResult) -> None:
        """Save now and then; raise ``Superseded`` when the row is another's by now."""
        if time.monotonic() - self._saved_at >= SAVE_SECONDS:
            self._saved_at = time.monotonic()
            self._write(result, lease_until=timezone.now() + LEASE)

    def end(self, result: ImportResult) -> None:
        """Close the row, and empty what was uploaded."""
        state = ImportRun.State.DONE if result.stored else ImportRun.State.FAILED
        self._write(result, state=state, upload=None, lease_until=None, finished_at=timezone.now())

    def _write(self, result: ImportResult, **values: object) -> None:
        before = self._created + self._changed
        mine = ImportRun.objects.filter(
            pk=self.run.pk, state=ImportRun.State.RUNNING, lease_until=self.run.lease_until
        )
        written = mine.update(
            total=result.total,
            done=result.done,
            created=self._created + len(result.created),
            changed=self._changed + len(result.changed),
            unchanged=max(0, len(result.unchanged) - before),
            unpublished=len(result.unpublished),
            errors=_bounded(result.errors),
            **values,
        )
        if not written:
            raise Superseded
        self.run.lease_until = values["lease_until"]  # type: ignore[assignment] # a date or None


def _bounded(errors: dict[str, str]) -> dict[str, str]:
    """Keep the row small: the first errors, and how many more there are."""
    kept = {
        _storable(name): _storable(why[:MAX_ERROR_CHARACTERS])
        for name, why in list(errors.items())[:MAX_ERRORS]
    }
    left = len(errors) - len(kept)
    return kept | ({"\u2026": f"and {left:,} more."} if left else {})


def _storable(text: str) -> str:
    """Return ``text`` without what PostgreSQL keeps in no JSON: files name themselves."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
