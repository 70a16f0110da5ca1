"""Imports a folder of Markdown files, one article each, as a help centre is kept in Git.

A file may open with front matter, lines of ``key: value`` between two lines ``---``:
``slug`` (else the file's name), ``title`` (else the first heading), ``locale`` (else the
site's), ``tags`` (with commas), ``updated`` (an ISO date).
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from conversations.models import Site
from core.errors import BadInput, SupportError
from knowledge.indexing import index_article
from knowledge.services import ArticleContent, SavedArticle, request_indexing, store_article

FENCE = "---"
KEYS = {"slug", "title", "locale", "tags", "updated"}
FIRST_HEADING = re.compile(r"\A\s*#[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
MAX_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class ArticleFile:
    """A file's content, and the slug that it is kept under."""

    slug: str
    content: ArticleContent


@dataclass(slots=True)
class ImportResult:
    """Paths (relative to the folder) by what became of them; ``errors`` say why."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, *, saved: SavedArticle) -> None:
        """Note what became of a file that was stored."""
        if saved.is_new:
            self.created.append(name)
        elif saved.is_changed:
            self.changed.append(name)
        else:
            self.unchanged.append(name)


def import_markdown_folder(site: Site, *, path: Path, now: bool = False) -> ImportResult:
    """Store every ``*.md`` below ``path``; a bad file is reported and the rest goes on.

    Importing again changes only what changed. ``now`` indexes here instead of by the workers.
    """
    result = ImportResult()
    owners: dict[str, str] = {}
    article_ids: list[int] = []
    for file in sorted(path.rglob("*.md")):
        name = file.relative_to(path).as_posix()
        try:
            saved = _import_file(site, file=file, name=name, owners=owners)
        except SupportError as error:
            result.errors[name] = error.detail
            continue
        result.add(name, saved=saved)
        if saved.article.indexed_version != saved.article.version:
            article_ids.append(saved.article.pk)
    if now:
        for article_id in article_ids:
            index_article(article_id)
    else:
        request_indexing(article_ids)
    return result


def _import_file(site: Site, *, file: Path, name: str, owners: dict[str, str]) -> SavedArticle:
    """Store one file; ``owners`` are the files by slug, since two must not share one."""
    parsed = parse_article_file(_read(file), stem=file.stem, locale=site.locale)
    owner = owners.setdefault(parsed.slug, name)
    if owner != name:
        raise BadInput(f"slug: {parsed.slug} is the one of {owner} already.")
    return store_article(site, slug=parsed.slug, content=parsed.content)


def parse_article_file(text: str, *, stem: str, locale: str) -> ArticleFile:
    """Return what a file holds; raise ``BadInput`` naming the line that is wrong."""
    matter, body = _front_matter(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    heading = FIRST_HEADING.match(body)
    title = matter.get("title") or (heading[1].strip() if heading else "")
    if not title:
        raise BadInput("no title: give one in the front matter, or as the first heading.")
    if heading and heading[1].strip() == title:
        body = body[heading.end() :]
    content = ArticleContent(
        title=title,
        body=body.strip(),
        locale=matter.get("locale") or locale,
        tags=tuple(tag.strip() for tag in matter.get("tags", "").strip("[]").split(",")),
        updated_at=_date(matter.get("updated", "")),
    )
    return ArticleFile(matter.get("slug") or stem, content)


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise BadInput(f"the file is larger than {MAX_FILE_BYTES:,} bytes.")
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"the file is not UTF-8 (byte {error.start}).") from error
    except OSError as error:
        raise BadInput(f"the file can't be read: {error.strerror}.") from error


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """Part a file into its front matter and the rest."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        return {}, text
    end = next((at for at, line in enumerate(lines) if at and line.rstrip() == FENCE), None)
    if end is None:
        raise BadInput("the front matter does not end: its last line must be ---.")
    pairs = [
        _pair(line, number=number)
        for number, line in enumerate(lines[1:end], start=2)
        if line.strip()
    ]
    return dict(pairs), "\n".join(lines[end + 1 :])


def _pair(line: str, *, number: int) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    key = key.strip().casefold()
    if not colon or key not in KEYS:
        raise BadInput(f"line {number}: expected one of {', '.join(sorted(KEYS))}, then a colon.")
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return key, value[1:-1] if quoted else value


def _date(value: str) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise BadInput(f"updated: {value!r} is not a date as 2026-01-31.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
