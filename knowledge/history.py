"""What one text changed of another, line by line and word by word; pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice, takewhile, zip_longest
from typing import Literal

# Unchanged lines around a change.
CONTEXT = 2
# Words of longer lines are not compared: that takes the square of their number. Nor are those of
# any line once the squares of those before it add up to so many.
MAX_WORDS = 1_000
MAX_WORD_STEPS = 10_000_000
# Texts of more lines, or more alike ones, are told apart by their beginnings and ends alone.
MAX_LINE_STEPS = 30_000_000
# Lines less alike than this are shown as two: marking their chance words helps nobody.
ALIKE = 0.4
WORD = re.compile(r"\s+|\w+|[^\w\s]")

Tag = Literal["replace", "delete", "insert", "equal"]
Opcode = tuple[Tag, int, int, int, int]


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
    matcher, pairing = _Matcher(before, after), _Pairing()
    lines: list[Line] = []
    for group in matcher.get_grouped_opcodes(CONTEXT):
        _, first, _, _, _ = group[0]
        if lines or first:
            lines.append(Line("gap"))
        for tag, from_old, to_old, from_new, to_new in group:
            if tag == "equal":
                lines += _whole("same", before[from_old:to_old])
            else:
                lines += pairing.replaced(before[from_old:to_old], after[from_new:to_new])
    return lines


class _Matcher(SequenceMatcher[str]):
    """Compares lines as long as that is sure to end soon."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        super().__init__(None, old, new)
        self._old, self._new = old, new

    def get_opcodes(self) -> list[Opcode]:
        """Return what leads from old to new; one change for all where closer would take long."""
        likes = Counter(self._new)
        pairs = sum(likes[line] for line in self._old)
        # A round for each stretch that both have, over all lines and all their likes.
        steps = min(len(self._old), len(self._new)) * (len(self._old) + pairs)
        return super().get_opcodes() if steps <= MAX_LINE_STEPS else self._outer_opcodes()

    def _outer_opcodes(self) -> list[Opcode]:
        old, new = self._old, self._new
        shorter = min(len(old), len(new))
        head = _equal(old, new, most=shorter)
        tail = _equal(reversed(old), reversed(new), most=shorter - head)
        to_old, to_new = len(old) - tail, len(new) - tail
        kind: Tag = "delete" if head == to_new else "insert" if head == to_old else "replace"
        opcodes: list[Opcode] = [
            ("equal", 0, head, 0, head),
            (kind, head, to_old, head, to_new),
            ("equal", to_old, len(old), to_new, len(new)),
        ]
        return [one for one in opcodes if one[1] < one[2] or one[3] < one[4]]


def _equal(first: Iterable[str], second: Iterable[str], *, most: int) -> int:
    pairs = islice(zip(first, second, strict=False), most)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _whole(kind: str, texts: Iterable[str]) -> list[Line]:
    return [Line(kind, (Piece(text),)) for text in texts]


@dataclass(slots=True)
class _Pairing:
    """Tells the words of lines apart, within one bound for a whole comparison."""

    _steps: int = 0

    def replaced(self, before: Sequence[str], after: Sequence[str]) -> Iterator[Line]:
        """Pair the lines that took each other's place, so that their words can be told apart."""
        if not before or not after:
            yield from _whole("removed", before)
            yield from _whole("added", after)
            return
        pairs = [self._pair(old, new) for old, new in zip_longest(before, after)]
        yield from (line for line, _ in pairs if line)
        yield from (line for _, line in pairs if line)

    def _pair(self, old: str | None, new: str | None) -> tuple[Line | None, Line | None]:
        if old is None or new is None:
            removed = None if old is None else Line("removed", (Piece(old),))
            return removed, None if new is None else Line("added", (Piece(new),))
        words, others = WORD.findall(old), WORD.findall(new)
        matcher = self._matcher(words, others)
        if matcher is None or matcher.ratio() < ALIKE:
            return Line("removed", (Piece(old),)), Line("added", (Piece(new),))
        opcodes = matcher.get_opcodes()
        removed_pieces = (Piece("".join(words[i:j]), tag != "equal") for tag, i, j, _, _ in opcodes)
        added_pieces = (Piece("".join(others[i:j]), tag != "equal") for tag, _, _, i, j in opcodes)
        return _line("removed", removed_pieces), _line("added", added_pieces)

    def _matcher(self, words: list[str], others: list[str]) -> SequenceMatcher[str] | None:
        if max(len(words), len(others)) > MAX_WORDS:
            return None
        self._steps += len(words) * len(others)
        return SequenceMatcher(None, words, others) if self._steps <= MAX_WORD_STEPS else None


def _line(kind: str, pieces: Iterable[Piece]) -> Line:
    return Line(kind, tuple(piece for piece in pieces if piece.text))
