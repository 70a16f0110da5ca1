"""Reads the text of a PDF file: lines become paragraphs, larger letters become headings."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pypdf import PageObject, PdfReader
from pypdf.errors import PyPdfError

from core.errors import BadInput
from knowledge.importers.content import (
    ArticleFile,
    Defaults,
    Reading,
    printable,
    slug_of,
    title_of,
)
from knowledge.services import MAX_BODY_CHARACTERS, ArticleContent

MAX_PAGES = 1_000
# A few bytes can be drawn on every page again. Well within an import's lease.
MAX_SECONDS = 60.0
# A heading is larger than the text by so much, and short.
HEADING_RATIO = 1.15
LARGE_RATIO = 1.5
MAX_HEADING_CHARACTERS = 120
# What stands at the edge of so many pages is a running head or a page number.
RUNNING_SHARE = 0.5
RUNNING_PAGES = 3
SENTENCE_END = (".", "!", "?", ":", ";")
BULLET = re.compile(r"^\s*(?:[\u2022\u25cf\u25aa\u25e6\u2023\u2043\uf0b7\u2013-]|\*)\s+")
NUMBERED = re.compile(r"^\s*(\d{1,2})[.)]\s+")
PAGE_NUMBER = re.compile(r"^(?:page\s+)?\d+(?:\s*(?:/|of)\s*\d+)?$", re.IGNORECASE)
DIGITS = re.compile(r"\d+")
UNREADABLE = (PyPdfError, ValueError, KeyError, TypeError, IndexError, AttributeError, OSError)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line and the size of its largest letters; an empty text is a gap."""

    text: str
    size: float


def read_pdf(data: bytes, *, stem: str, defaults: Defaults) -> Reading:
    """Return the file's one article; raise ``BadInput`` where no text can be had from it."""
    try:
        reader = _open(data)
        pages = list(_pages(reader))
        title = str((reader.metadata and reader.metadata.title) or "")
    except BadInput:
        raise
    except (*UNREADABLE, RecursionError) as error:
        # pypdf meets broken files with whatever its parser stumbled over.
        raise BadInput("the file is not a PDF that can be read.") from error
    lines = [line for page in _without_running_heads(pages) for line in page]
    if not any(line.text for line in lines):
        raise BadInput("the PDF has no text: it seems to be scanned pictures.")
    return _reading(lines, title=title, stem=stem, defaults=defaults)


def _open(data: bytes) -> PdfReader:
    reader = PdfReader(BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise BadInput("the PDF is locked by a password.")
    if len(reader.pages) > MAX_PAGES:
        raise BadInput(f"the PDF has more than {MAX_PAGES:,} pages.")
    return reader


def _reading(lines: Sequence[_Line], *, title: str, stem: str, defaults: Defaults) -> Reading:
    headings = _levels(lines)
    title = title_of(printable(title)) or _largest(lines, headings) or stem
    body = "\n\n".join(_blocks(lines, headings=headings, title=title))
    if not body:
        raise BadInput("the PDF has no text but its title.")
    content = ArticleContent(
        title=title, body=body, locale=defaults.locale, audience=defaults.audience
    )
    return Reading([ArticleFile(slug_of(stem), content)])


def _pages(reader: PdfReader) -> Iterator[list[_Line]]:
    """Yield the lines of each page; raise ``BadInput`` where they are no article any more."""
    end = time.monotonic() + MAX_SECONDS

    def check_time(*_: object) -> None:
        if time.monotonic() > end:
            raise BadInput(f"the PDF takes longer than {MAX_SECONDS:.0f} seconds to read.")

    left = 2 * MAX_BODY_CHARACTERS
    for page in reader.pages:
        lines = _lines_of(page, check_time=check_time)
        left -= sum(len(line.text) for line in lines)
        if left < 0:
            raise BadInput(f"the PDF has more than {MAX_BODY_CHARACTERS:,} characters.")
        yield lines


def _lines_of(page: PageObject, *, check_time: Callable[..., None]) -> list[_Line]:
    """Return the page's lines with their sizes; stop where an article would be full."""
    sizes: dict[str, float] = {}

    def note(text: str, _: Any, matrix: Sequence[float], __: Any, size: float) -> None:
        # The font's size counts in the text's own scale.
        scaled = abs(size * (matrix[3] or matrix[0] or 1))
        for part in text.split("\n"):
            key = part.strip()
            if key:
                sizes[key] = max(scaled, sizes.get(key, 0.0))

    drawn = page.extract_text(visitor_operand_before=check_time, visitor_text=note)
    lines: list[_Line] = []
    for line in printable(drawn[: MAX_BODY_CHARACTERS + 1]).split("\n"):
        check_time()
        lines.append(_Line(line.strip(), _size(line.strip(), sizes)))
    return lines


def _size(line: str, sizes: dict[str, float]) -> float:
    """Return the size of a line that was written at once, or of the part it begins with."""
    if line in sizes:
        return sizes[line]
    return next((size for part, size in sizes.items() if line.startswith(part)), 0.0)


def _without_running_heads(pages: Sequence[list[_Line]]) -> Iterator[list[_Line]]:
    """Leave out page numbers, and what most pages begin or end with but for its digits."""
    edges = Counter(key for page in pages for key in {_key(page[at]) for at in _edges(page)} if key)
    running = {
        key
        for key, count in edges.items()
        if count >= RUNNING_PAGES and count > RUNNING_SHARE * len(pages)
    }
    for page in pages:
        drop = {
            at
            for at in _edges(page)
            if _key(page[at]) in running or PAGE_NUMBER.match(page[at].text)
        }
        yield [line for at, line in enumerate(page) if at not in drop]


def _edges(page: Sequence[_Line]) -> set[int]:
    filled = [at for at, line in enumerate(page) if line.text]
    return set(filled[:1] + filled[-2:])


def _key(line: _Line) -> str:
    return DIGITS.sub("#", line.text)


def _levels(lines: Iterable[_Line]) -> dict[float, int]:
    """Return the heading level of each size that is larger than that of the text."""
    written: Counter[float] = Counter()
    for line in lines:
        written[line.size] += len(line.text)
    body = written.most_common(1)[0][0] or 1.0
    return {
        size: 2 if size >= LARGE_RATIO * body else 3
        for size in written
        if size >= HEADING_RATIO * body
    }


def _is_heading(line: _Line, headings: dict[float, int]) -> bool:
    return line.size in headings and len(line.text) <= MAX_HEADING_CHARACTERS


def _largest(lines: Iterable[_Line], headings: dict[float, int]) -> str:
    """Return the largest heading, the first of several."""
    titles = [line for line in lines if line.text and _is_heading(line, headings)]
    return title_of(max(titles, key=lambda line: line.size).text) if titles else ""


def _blocks(lines: Iterable[_Line], *, headings: dict[float, int], title: str) -> Iterator[str]:
    """Join lines to paragraphs, and yield headings and points of lists by themselves."""
    held = ""
    for line in lines:
        if _is_heading(line, headings) and line.text:
            yield from filter(None, [held])
            held = ""
            if title_of(line.text).casefold() != title.casefold():
                yield f"{'#' * headings[line.size]} {line.text}"
        elif not line.text or BULLET.match(line.text) or NUMBERED.match(line.text):
            yield from filter(None, [held])
            held = _point(line.text)
        else:
            held = _joined(held, line.text)
    yield from filter(None, [held])


def _point(text: str) -> str:
    return NUMBERED.sub(r"\1. ", BULLET.sub("- ", text))


def _joined(held: str, text: str) -> str:
    """Put a word together again that was parted at the line's end."""
    if held.endswith("-") and held[-2:-1].isalpha() and text[:1].islower():
        return held[:-1] + text
    return f"{held} {text}".strip()
