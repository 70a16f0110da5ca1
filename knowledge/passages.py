"""Splits an article's Markdown into the passages that are searched and quoted; pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

TARGET_CHARACTERS = 900
# Lists and tables stay whole up to here: half a table answers half of the questions.
MAX_CHARACTERS = 2_400
MAX_HEADING_CHARACTERS = 400
HEADING_SEPARATOR = " \u203a "
SENTENCE_END = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])\s+")
MARKUP = re.compile(r"[*_`]+|\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True)
class PassageText:
    """A piece of an article, its ``heading`` the path ``Section > Subsection``."""

    position: int
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class _Block:
    """A top-level block of Markdown."""

    heading: str
    kind: str
    text: str


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def split_markdown(body: str, *, title: str = "") -> list[PassageText]:
    """Return the passages of ``body`` in order, about ``TARGET_CHARACTERS`` each.

    A passage never spans two headings. A heading that only repeats ``title`` is left out.
    """
    pieces = [
        (heading, text)
        for heading, blocks in _sections(_blocks(body, title=title))
        for text in _grouped(blocks)
    ]
    return [PassageText(position, heading, text) for position, (heading, text) in enumerate(pieces)]


def _blocks(body: str, *, title: str) -> Iterator[_Block]:
    lines = body.splitlines()
    path: dict[int, str] = {}
    tokens = _parser().parse("\n".join(lines))
    for index, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        if token.type == "heading_open":
            path = _deeper(path, token, text=tokens[index + 1].content, title=title)
        elif token.type != "hr":
            start, end = token.map
            heading = HEADING_SEPARATOR.join(path.values())[:MAX_HEADING_CHARACTERS]
            yield _Block(heading, token.type, "\n".join(lines[start:end]).strip("\n").rstrip())


def _deeper(path: dict[int, str], token: Token, *, text: str, title: str) -> dict[int, str]:
    """Return the path below the heading ``token``: what is as deep or deeper has ended."""
    level = int(token.tag[1:])
    plain = MARKUP.sub(r"\1", text).strip()
    kept = {deep: name for deep, name in path.items() if deep < level}
    repeats_title = not kept and plain.casefold() == title.strip().casefold()
    return kept if repeats_title or not plain else kept | {level: plain}


def _sections(blocks: Iterator[_Block]) -> Iterator[tuple[str, list[_Block]]]:
    """Group neighbours under one heading."""
    section: list[_Block] = []
    for block in blocks:
        if section and block.heading != section[0].heading:
            yield section[0].heading, section
            section = []
        section.append(block)
    if section:
        yield section[0].heading, section


def _grouped(blocks: Sequence[_Block]) -> Iterator[str]:
    """Join blocks up to the target; what leads in (``You need:``) goes with what it leads to."""
    held: list[_Block] = []
    for piece in (piece for block in blocks for piece in _bounded(block)):
        if held and sum(len(one.text) for one in held) + len(piece.text) > TARGET_CHARACTERS:
            lead = [held.pop()] if _leads(held[-1], to=piece) else []
            if held:
                yield _joined(held)
            held = lead
        held.append(piece)
    if held:
        yield _joined(held)


def _leads(block: _Block, *, to: _Block) -> bool:
    """Return whether a block belongs with the next: it announces it, or stands before a table."""
    before_whole = block.kind == "paragraph_open" != to.kind
    fits = len(block.text) + len(to.text) <= MAX_CHARACTERS
    return fits and (before_whole or block.text.endswith(":"))


def _joined(blocks: Sequence[_Block]) -> str:
    return "\n\n".join(block.text for block in blocks)


def _bounded(block: _Block) -> list[_Block]:
    """Return the block, cut where it is over its limit."""
    return [replace(block, text=text) for text in _cut(block)]


def _cut(block: _Block) -> list[str]:
    if block.kind == "paragraph_open":
        if len(block.text) <= TARGET_CHARACTERS:
            return [block.text]
        return _packed(SENTENCE_END.split(block.text), limit=TARGET_CHARACTERS, glue=" ")
    if len(block.text) <= MAX_CHARACTERS:
        return [block.text]
    lines = block.text.split("\n")
    if block.kind != "table_open":
        return _packed(lines, limit=MAX_CHARACTERS, glue="\n")
    head = "\n".join(lines[:2])
    rows = _packed(lines[2:], limit=max(1, MAX_CHARACTERS - len(head)), glue="\n")
    return [f"{head}\n{part}" for part in rows]


def _packed(parts: Sequence[str], *, limit: int, glue: str) -> list[str]:
    """Join ``parts`` to texts of ``limit`` characters at most; a longer part is cut hard."""
    cut = [part[at : at + limit] for part in parts for at in range(0, len(part) or 1, limit)]
    texts: list[str] = []
    for part in cut:
        if texts and len(texts[-1]) + len(glue) + len(part) <= limit:
            texts[-1] += glue + part
        else:
            texts.append(part)
    return texts
