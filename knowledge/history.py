"""What one text changed of another, line by line and word by word; pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

# Unchanged lines around a change.
CONTEXT = 2
# Words of longer lines are not compared: that takes the square of their number.
MAX_WORDS = 1_000
# Lines less alike than this are shown as two: marking their chance words helps nobody.
ALIKE = 0.4
WORD = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a line; ``is_marked`` where only its side has them."""

    text: str
    is_marked: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison; of kind ``gap`` it stands for the same lines left out."""

    kind: str  # same, added, removed or gap
    pieces: tuple[Piece, ...] = ()


def compare_texts(old: str, *, new: str) -> list[Line]:
    """Return the changed lines with some around them; none where the texts are equal."""
    before, after = old.splitlines(), new.splitlines()
    matcher = SequenceMatcher(None, before, after)
    lines: list[Line] = []
    for group in matcher.get_grouped_opcodes(CONTEXT):
        _, first, _, _, _ = group[0]
        if lines or first:
            lines.append(Line("gap"))
        for tag, from_old, to_old, from_new, to_new in group:
            if tag == "equal":
                lines += _whole("same", before[from_old:to_old])
            else:
                lines += _replaced(before[from_old:to_old], after[from_new:to_new])
    return lines


def _whole(kind: str, texts: Iterable[str]) -> list[Line]:
    return [Line(kind, (Piece(text),)) for text in texts]


def _replaced(before: Sequence[str], after: Sequence[str]) -> Iterator[Line]:
    """Pair the lines that took each other's place, so that their words can be told apart."""
    if not before or not after:
        yield from _whole("removed", before)
        yield from _whole("added", after)
        return
    pairs = [_pair(old, new) for old, new in zip_longest(before, after)]
    yield from (line for line, _ in pairs if line)
    yield from (line for _, line in pairs if line)


def _pair(old: str | None, new: str | None) -> tuple[Line | None, Line | None]:
    if old is None or new is None:
        removed = None if old is None else Line("removed", (Piece(old),))
        return removed, None if new is None else Line("added", (Piece(new),))
    words, others = WORD.findall(old), WORD.findall(new)
    if max(len(words), len(others)) > MAX_WORDS:
        return Line("removed", (Piece(old),)), Line("added", (Piece(new),))
    matcher = SequenceMatcher(None, words, others)
    if matcher.ratio() < ALIKE:
        return Line("removed", (Piece(old),)), Line("added", (Piece(new),))
    opcodes = matcher.get_opcodes()
    removed_pieces = (Piece("".join(words[i:j]), tag != "equal") for tag, i, j, _, _ in opcodes)
    added_pieces = (Piece("".join(others[i:j]), tag != "equal") for tag, _, _, i, j in opcodes)
    return _line("removed", removed_pieces), _line("added", added_pieces)


def _line(kind: str, pieces: Iterable[Piece]) -> Line:
    return Line(kind, tuple(piece for piece in pieces if piece.text))
