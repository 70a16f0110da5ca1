"""What every reader gives: articles, and what was wrong with which part."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from django.utils.text import slugify

from core.errors import BadInput, NotFound
from knowledge.models import Audience
from knowledge.services import ArticleContent

MAX_SLUG_CHARACTERS = 100
MAX_TITLE_CHARACTERS = 200
MAX_ORIGIN_CHARACTERS = 500
MIN_YEAR, MAX_YEAR = 1900, 2200
SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What an article is where its file does not say."""

    locale: str
    audience: str = Audience.PUBLIC


@dataclass(frozen=True, slots=True)
class ArticleFile:
    """A file's content, and the slug that it is kept under.

    ``part`` tells the articles of one file apart.
    """

    slug: str
    content: ArticleContent
    part: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file held; ``errors`` say by part what could not be read."""

    articles: list[ArticleFile] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """A file or page that is still to be read; ``load`` may raise ``SupportError``.

    ``is_page`` marks what is known by its address and not by its slug.
    """

    name: str
    load: Callable[[], Reading]
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """All parts of one import; ``notes`` say what is missing from it, by what.

    Only where it ``is_complete`` is what it does not hold gone from its source.
    """

    parts: list[Part]
    is_complete: bool = False
    notes: dict[str, str] = field(default_factory=dict)


class PageGone(NotFound):
    """The source says itself that the page is no more."""

    detail = "the page is gone."


def slug_of(text: str) -> str:
    """Return a slug for ``text``; what has no Latin letters gets a stable one all the same."""
    slug = slugify(text)[:MAX_SLUG_CHARACTERS].strip("-")
    return slug or f"article-{sha256(text.encode()).hexdigest()[:12]}"


def title_of(text: str) -> str:
    """Return ``text`` on one line, within the bounds of a title."""
    return SPACE.sub(" ", text).strip()[:MAX_TITLE_CHARACTERS].strip()


def moment_of(text: str) -> datetime:
    """Return a source's ISO date in UTC; raise ``ValueError`` where it is none, or no year's.

    At both ends of the calendar another zone leads out of it, and no row with it can be read.
    """
    moment = datetime.fromisoformat(text)
    if not MIN_YEAR <= moment.year <= MAX_YEAR:
        raise ValueError(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def heading_of(line: str) -> str:
    """Return a Markdown heading's text: no closing ``#``, and no more than may be a title.

    Without a pattern: one that looks for the end of spaces or ``#`` takes the square of them.
    """
    return line[: 2 * MAX_TITLE_CHARACTERS].rstrip(" \t#")


def decoded(data: bytes) -> str:
    """Return UTF-8 text without its mark and with plain line ends; raise ``BadInput``."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"the file is not UTF-8 (byte {error.start}).") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def printable(text: str) -> str:
    """Return ``text`` composed and without control characters, which PDF files leave in."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(one for one in composed if one in "\n\t" or unicodedata.category(one) != "Cc")
