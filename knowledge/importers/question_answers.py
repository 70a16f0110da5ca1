"""Reads pairs of question and answer from a CSV file.

Questions with the same answer (locale, audience) become one article: the first is its title,
the others its headings, so that each finds the article and none is quoted as an answer.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO
from itertools import islice

from core.errors import BadInput
from knowledge.importers.content import (
    ArticleFile,
    Defaults,
    Reading,
    decoded,
    slug_of,
    title_of,
)
from knowledge.importers.markdown import audience_of, tags_of
from knowledge.services import ArticleContent

COLUMNS = {
    "question": "question",
    "q": "question",
    "answer": "answer",
    "a": "answer",
    "tags": "tags",
    "locale": "locale",
    "slug": "slug",
    "audience": "audience",
}
NEEDED = {"question", "answer"}
DELIMITERS = ",;\t|"
MAX_ROWS = 20_000
MAX_HEADING_CHARACTERS = 380
BETWEEN = " \u00b7 "


@dataclass(slots=True)
class _Group:
    """The rows with one answer."""

    number: int
    answer: str
    locale: str
    audience: str
    slug: str
    questions: list[str] = field(default_factory=list)
    tags: dict[str, None] = field(default_factory=dict)


def read_question_answers(data: bytes, *, stem: str, defaults: Defaults) -> Reading:
    """Return an article for each answer; rows that are wrong are told by their number."""
    rows = _rows(decoded(data))
    names, rows = _header(rows)
    reading = Reading()
    groups: dict[tuple[str, str, str], _Group] = {}
    taken: dict[tuple[str, str], _Group] = {}
    for number, cells in islice(rows, MAX_ROWS):
        try:
            _add(dict(zip(names, cells, strict=False)), number, defaults, groups, taken)
        except BadInput as error:
            reading.errors[f"row {number}"] = error.detail
    if next(rows, None):
        reading.errors["rows"] = f"only the first {MAX_ROWS:,} rows were read."
    reading.articles.extend(map(_article, groups.values()))
    return reading


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold anything, with their line's number."""
    csv.field_size_limit(1_000_000)
    reader = csv.reader(StringIO(text), delimiter=_delimiter(text), strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise BadInput(f"line {reader.line_num}: {error}.") from error


def _delimiter(text: str) -> str:
    """Return what parts the first line into the known columns, or else into most."""
    first = text.lstrip("\n").partition("\n")[0]

    def worth(delimiter: str) -> tuple[bool, int]:
        cells = next(csv.reader([first], delimiter=delimiter), [])
        return set(_names(cells)) >= NEEDED, len(cells)

    return max(DELIMITERS, key=worth)


def _names(cells: Iterable[str]) -> list[str]:
    return [COLUMNS.get(cell.strip().casefold(), "") for cell in cells]


def _header(
    rows: Iterator[tuple[int, list[str]]],
) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """Return the columns' names and the rows below; two columns need no names."""
    first = next(rows, None)
    if first is None:
        raise BadInput("the file is empty.")
    names = _names(first[1])
    if set(names) >= NEEDED:
        return names, rows
    if len(first[1]) != len(NEEDED):
        raise BadInput("the first row must name the columns question and answer.")
    return ["question", "answer"], _chained(first, rows)


def _chained(
    first: tuple[int, list[str]], rows: Iterator[tuple[int, list[str]]]
) -> Iterator[tuple[int, list[str]]]:
    yield first
    yield from rows


def _add(
    row: dict[str, str],
    number: int,
    defaults: Defaults,
    groups: dict[tuple[str, str, str], _Group],
    taken: dict[tuple[str, str], _Group],
) -> None:
    """Put a row to the others with its answer; raise ``BadInput`` where it has none."""
    question, answer = row.get("question", ""), row.get("answer", "")
    if not question or not answer:
        raise BadInput(f"the {'answer' if question else 'question'} is empty.")
    locale = row.get("locale") or defaults.locale
    audience = audience_of(row.get("audience", ""), defaults=defaults)
    group = groups.get((answer, locale, audience)) or _Group(
        number, answer, locale, audience, row.get("slug") or slug_of(question)
    )
    for key in ((question.casefold(), locale), (f"slug: {group.slug}", "")):
        if taken.setdefault(key, group) is not group:
            raise BadInput(f"it has another answer in row {taken[key].number} already.")
    groups[answer, locale, audience] = group
    if question not in group.questions:
        group.questions.append(question)
    group.tags |= dict.fromkeys(tags_of(row.get("tags", "")))


def _article(group: _Group) -> ArticleFile:
    headings = _headings(group.questions[1:])
    body = "\n\n".join(f"## {heading}\n\n{group.answer}" for heading in headings)
    content = ArticleContent(
        title=title_of(group.questions[0]),
        body=body or group.answer,
        locale=group.locale,
        tags=tuple(group.tags),
        audience=group.audience,
    )
    return ArticleFile(group.slug, content, part=group.slug)


def _headings(questions: Sequence[str]) -> list[str]:
    """Join questions to headings that are indexed whole; more than fit one get the answer anew."""
    headings: list[str] = []
    for question in map(title_of, questions):
        if headings and len(headings[-1]) + len(BETWEEN) + len(question) <= MAX_HEADING_CHARACTERS:
            headings[-1] += BETWEEN + question
        else:
            headings.append(question)
    return headings
