"""Cuts a Markdown passage into the smallest pieces that can be quoted without harm.

A sentence of a paragraph is a piece; a list or a table is one piece, with the line that leads
in to it. Pieces are verbatim slices of the source.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

# An end mark, closing quotes or emphasis, a space, and what may begin a sentence: anything but
# a lower-case letter. Chinese and Japanese marks need no space.
_CLOSING = r"[\"'\u201d\u2019)\]*_]*"
_OPENING = r"[\"'\u201c\u2018(\[*_`\u00bf\u00a1]*"
_SENTENCE_END = re.compile(
    rf"[.!?\u2026]{_CLOSING}\s+(?={_OPENING}[^\W_a-z\u00df-\u00ff])|[\u3002\uff01\uff1f]"
)
_ABBREVIATION = re.compile(
    r"\b(?:e\.g|i\.e|etc|approx|no|nr|mr|mrs|ms|dr|st|vs|incl|max|min)\.$", re.IGNORECASE
)
# How a text begins that can't be understood without the one before it; some other languages
# where the word means nothing else.
_REFERS_BACK = re.compile(
    r"[\s*_>(\"\u201c]*(?:[-+]\s|\d+[.)]\s)?[\s*_\"\u201c]*"
    r"(?:(?:It|Its|It's|They|Their|Them|This|That|That's|These|Those|He|She|Such|Some|Others?|"
    r"Another|Both|Either|Neither|However|But|And|Or|So|Also|Then|Otherwise|Instead|Therefore|"
    r"In (?:that|this|these|those)|(?:If|When|Where) (?:so|not|it|they|this|that|these|those)|"
    r"(?:After|Before|For|With|Without|Besides|Until|Unless|Despite) (?:it|that|this|these|those|"
    r"them)|"
    r"The (?:same|latter|former|others?)|Cela|Ceci|Elles?|Ils?|Dies(?:e[mnrs]?)?|Jedoch|"
    r"Andernfalls|Esto|Estos|Estas|Otros|Otras)\b)(?!-)"
)
# The parser's own idea of a line, so that its line numbers fit: str.splitlines knows more.
_LINE_END = re.compile(r"\r\n|\r|\n")
_WHOLE_BLOCKS = frozenset(
    {
        "bullet_list_open",
        "ordered_list_open",
        "table_open",
        "fence",
        "code_block",
        "blockquote_open",
    }
)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A quotable piece; `paragraph` numbers the block it is a part of, `heading` is above it."""

    text: str
    heading: str
    paragraph: int
    is_block: bool


@dataclass(frozen=True, slots=True)
class _Block:
    kind: str
    text: str


def split_excerpts(markdown: str) -> tuple[Excerpt, ...]:
    """Return the pieces of a passage in their order."""
    return tuple(_iterate_excerpts(tuple(_iterate_blocks(markdown))))


def split_sentences(paragraph: str) -> tuple[str, ...]:
    """Split a paragraph, never within a link, a code span, emphasis or parentheses."""
    sentences: list[str] = []
    pending = ""
    start = 0
    for end in [*(match.end() for match in _SENTENCE_END.finditer(paragraph)), len(paragraph)]:
        pending += paragraph[start:end]
        start = end
        if end == len(paragraph) or _is_complete(pending):
            sentences.append(pending.strip())
            pending = ""
    return tuple(sentence for sentence in sentences if sentence)


def refers_back(text: str) -> bool:
    """Say whether a text begins with a reference to what stands before it ("It", "Others")."""
    return bool(_REFERS_BACK.match(text.replace("\u2019", "'")))


def _iterate_excerpts(blocks: Sequence[_Block]) -> Iterator[Excerpt]:
    heading = ""
    lead_in = ""
    for number, block in enumerate(blocks):
        if block.kind == "heading_open":
            heading = block.text.strip().strip("#=- \n")
        elif block.kind in _WHOLE_BLOCKS:
            text = f"{lead_in}\n\n{block.text}" if lead_in else block.text
            yield Excerpt(text, heading=heading, paragraph=number, is_block=True)
        elif block.kind == "paragraph_open":
            sentences = split_sentences(block.text)
            lead_in = _find_lead_in(sentences, following=blocks[number + 1 :])
            for sentence in sentences[: -1 if lead_in else None]:
                yield Excerpt(sentence, heading=heading, paragraph=number, is_block=False)
            continue
        lead_in = ""


def _find_lead_in(sentences: Sequence[str], *, following: Sequence[_Block]) -> str:
    leads = bool(following) and following[0].kind in _WHOLE_BLOCKS
    last = sentences[-1] if sentences else ""
    return last if leads and last.rstrip("*_ ").endswith((":", "\uff1a")) else ""


def _iterate_blocks(markdown: str) -> Iterator[_Block]:
    lines = _LINE_END.split(markdown)
    for token in _parser().parse(markdown):
        if token.level == 0 and token.nesting >= 0 and token.map:
            yield _Block(token.type, _slice_lines(lines, token=token))


def _slice_lines(lines: Sequence[str], *, token: Token) -> str:
    first, end = token.map or (0, 0)
    return "\n".join(lines[first:end]).rstrip()


def _is_complete(text: str) -> bool:
    balanced = text.count("[") == text.count("]") and text.count("(") == text.count(")")
    paired = text.count("`") % 2 == 0 and text.count("**") % 2 == 0
    return balanced and paired and not _ABBREVIATION.search(text.rstrip())


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")
