"""Turns what the readers give into articles; one bad file or page never ends the rest."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.db import DataError

from conversations.models import Site
from core.errors import BadInput, SupportError
from knowledge.importers.content import ArticleFile, Batch, Defaults, PageGone, Part, Reading
from knowledge.importers.files import MARKDOWN, folder_batch
from knowledge.indexing import index_words
from knowledge.models import Source
from knowledge.services import (
    IMPORT_PRIORITY,
    SavedArticle,
    request_indexing,
    store_article,
)
from knowledge.sourcing import PART_SEPARATOR, store_from_source, unpublish_vanished

logger = logging.getLogger(__name__)
NOTHING = "Nothing could be read."
INCOMPLETE = "Not all could be read, so nothing was unpublished."


@dataclass(slots=True)
class ImportResult:
    """Names of articles by what became of them; ``errors`` say why, by file or page."""

    total: int = 0
    done: int = 0
    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    unpublished: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def stored(self) -> int:
        """How many articles are as their source has them now."""
        return len(self.created) + len(self.changed) + len(self.unchanged)

    def add(self, name: str, *, saved: SavedArticle) -> None:
        """Note what became of an article that was stored."""
        if saved.is_new:
            self.created.append(name)
        elif saved.is_changed:
            self.changed.append(name)
        else:
            self.unchanged.append(name)


Report = Callable[[ImportResult], None]


def import_markdown_folder(site: Site, *, path: Path, now: bool = False) -> ImportResult:
    """Store every Markdown file below ``path`` as an article that has no source.

    Importing again changes only what changed. ``now`` makes it found by its words at once; its
    vectors are always the workers' work.
    """
    batch = folder_batch(path, defaults=Defaults(site.locale), suffixes=MARKDOWN)
    return import_batch(site, batch=batch, now=now)


def import_batch(
    site: Site,
    *,
    batch: Batch,
    source: Source | None = None,
    now: bool = False,
    report: Report = lambda result: None,
) -> ImportResult:
    """Store all of a batch; a bad part is noted and the rest goes on.

    ``report`` is called before the first and after each article. Articles of ``source`` that a
    complete batch no longer holds are unpublished, but never after one that gave nothing.
    """
    work = _Import(site, source, ImportResult(total=len(batch.parts)), report, now)
    work.result.errors |= batch.notes
    report(work.result)
    for part in batch.parts:
        work.take(part)
    if source:
        work.finish(batch)
    return work.result


@dataclass(slots=True)
class _Import:
    """One import under way."""

    site: Site
    source: Source | None
    result: ImportResult
    report: Report
    now: bool
    _owners: dict[str, str] = field(default_factory=dict)
    _found: set[int] = field(default_factory=set)
    _unread: set[str] = field(default_factory=set)
    _can_send: bool = True

    def take(self, part: Part) -> None:
        """Read a part and store its articles."""
        reading = self._read(part)
        if reading is None:
            self._step()
            return
        self.result.total += max(0, len(reading.articles) - 1)
        for where, why in reading.errors.items():
            self._refuse(f"{part.name}{PART_SEPARATOR}{where}", part=part, why=why)
        for file in reading.articles:
            self._store(file, part=part)
            self._step()
        if not reading.articles:
            self._step()

    def finish(self, batch: Batch) -> None:
        """Unpublish what vanished, where this import can tell."""
        if self.source is None:
            return
        if not self.result.stored:
            self.result.errors.setdefault("", NOTHING)
        elif batch.is_complete:
            self.result.unpublished += unpublish_vanished(
                self.source, found_ids=self._found, kept_names=self._unread
            )
        elif self.source.kind != Source.Kind.UPLOAD:
            self.result.errors.setdefault("", INCOMPLETE)

    def _read(self, part: Part) -> Reading | None:
        try:
            return part.load()
        except PageGone as error:
            self.result.errors[part.name] = error.detail
        except SupportError as error:
            self._refuse(part.name, part=part, why=error.detail)
        except Exception as error:
            # Readers of foreign formats stumble over hostile files in ways of their own.
            logger.exception("a file of an import could not be read")
            why = f"it can't be read ({type(error).__name__})."
            self._refuse(part.name, part=part, why=why)
        return None

    def _refuse(self, name: str, *, part: Part, why: str) -> None:
        """Note an error; what came from that part before is left as it is."""
        self.result.errors[name] = why
        self._unread.add(part.name)

    def _store(self, file: ArticleFile, *, part: Part) -> None:
        name = PART_SEPARATOR.join(filter(None, [part.name, file.part]))
        try:
            saved = self._saved(file, part=part, name=name)
        except SupportError as error:
            self._refuse(name, part=part, why=error.detail)
            return
        except (DataError, ValueError) as error:
            # What no reader foresaw must not cost the other files.
            logger.exception("an article of an import could not be stored")
            self._refuse(name, part=part, why=f"it can't be stored ({type(error).__name__}).")
            return
        self._found.add(saved.article.pk)
        self.result.add(name, saved=saved)
        if saved.article.indexed_version != saved.article.version:
            self._index(saved.article.pk)

    def _saved(self, file: ArticleFile, *, part: Part, name: str) -> SavedArticle:
        if not part.is_page and self._owners.setdefault(file.slug, name) != name:
            raise BadInput(f"slug: {file.slug} is the one of {self._owners[file.slug]} already.")
        if self.source is None:
            return store_article(self.site, slug=file.slug, content=file.content)
        return store_from_source(self.source, file=file, name=part.name, is_page=part.is_page)

    def _index(self, article_id: int) -> None:
        if self.now:
            index_words(article_id)
        if self._can_send:
            # One failure is enough: each try costs seconds, and the sweep finds them all.
            self._can_send = request_indexing([article_id], priority=IMPORT_PRIORITY) == 1

    def _step(self) -> None:
        self.result.done += 1
        self.report(self.result)
