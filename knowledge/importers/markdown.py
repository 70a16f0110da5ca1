"""Reads a Markdown file, one article each, as a help centre is kept in Git.

A file may open with front matter, lines of ``key: value`` between two lines ``---``:
``slug`` (else the file's name), ``title`` (else the first heading), ``locale``, ``audience``
(else the source's), ``tags`` (with commas), ``updated`` (an ISO date).
"""

import re
from datetime import datetime

from core.errors import BadInput
from knowledge.importers.content import (
    ArticleFile,
    Defaults,
    Reading,
    decoded,
    heading_of,
    moment_of,
)
from knowledge.models import Audience
from knowledge.services import ArticleContent

FENCE = "---"
KEYS = {"slug", "title", "locale", "audience", "tags", "updated"}
FIRST_HEADING = re.compile(r"\A\s*#[ \t]+([^\n]+)")


def read_markdown(data: bytes, *, stem: str, defaults: Defaults) -> Reading:
    """Return the file's one article; raise ``BadInput`` naming the line that is wrong."""
    return Reading([parse_article_file(decoded(data), stem=stem, defaults=defaults)])


def parse_article_file(text: str, *, stem: str, defaults: Defaults) -> ArticleFile:
    """Return what a file holds; raise ``BadInput`` naming the line that is wrong."""
    matter, body = _front_matter(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    heading = FIRST_HEADING.match(body)
    first = heading_of(heading[1]).strip() if heading else ""
    title = matter.get("title") or first
    if not title:
        raise BadInput("no title: give one in the front matter, or as the first heading.")
    if heading and first == title:
        body = body[heading.end() :]
    content = ArticleContent(
        title=title,
        body=body.strip(),
        locale=matter.get("locale") or defaults.locale,
        tags=tags_of(matter.get("tags", "")),
        updated_at=_date(matter.get("updated", "")),
        audience=audience_of(matter.get("audience", ""), defaults=defaults),
    )
    return ArticleFile(matter.get("slug") or stem, content)


def tags_of(text: str) -> tuple[str, ...]:
    """Return the tags of ``a, b`` or ``[a, b]``."""
    return tuple(tag.strip() for tag in text.strip("[] ").split(",") if tag.strip())


def audience_of(text: str, *, defaults: Defaults) -> str:
    """Return who may read it; nothing of a source for staff is ever made public by a file."""
    if not text:
        return defaults.audience
    audience = text.strip().casefold()
    if audience not in Audience.values:
        raise BadInput(f"audience: expected one of {', '.join(Audience.values)}.")
    return Audience.INTERNAL if defaults.audience == Audience.INTERNAL else audience


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
        return moment_of(value)
    except ValueError as error:
        raise BadInput(f"updated: {value!r} is not a date as 2026-01-31.") from error
