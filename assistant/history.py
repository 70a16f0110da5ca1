"""Which messages of an episode stand in a prompt word for word; pure rules.

Dropping one message each turn would change the prompt's beginning each turn, and the provider's
cache of prefixes would never hit. So many are dropped at once, and then none for many turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# After a drop the history fills so much of its share.
KEPT_SHARE = 0.6
# From here on what would be dropped next is summarised, a little more than it is.
SUMMARY_SHARE = 0.8
SUMMARISED_BUT = 0.25


@dataclass(frozen=True, slots=True)
class Said:
    """A message as the context needs it; ``kind`` is a `Message.Author`."""

    seq: int
    kind: str
    text: str


def first_kept(counts: Sequence[int], *, share: int) -> int:
    """Return the index of the first message that is kept of those with these token counts.

    The same for the same messages, and the same for more of them until ``share`` is full again.
    """
    first = kept = 0
    for index, count in enumerate(counts):
        kept += count
        if kept > share:
            while first <= index and kept > share * KEPT_SHARE:
                kept -= counts[first]
                first += 1
    return first


def newest_within(counts: Sequence[int], *, tokens: float) -> int:
    """Return the index from which on the newest messages are no more than ``tokens``."""
    first, kept = len(counts), 0
    while first and kept + counts[first - 1] <= tokens:
        first -= 1
        kept += counts[first]
    return first


def to_summarise(counts: Sequence[int], *, share: int, summarised: int) -> int:
    """Return how many of the oldest messages a summary is due to cover, 0 when none is due.

    ``summarised`` is how many the newest summary covers.
    """
    first = first_kept(counts, share=share)
    needed = first
    if sum(counts[first:]) > share * SUMMARY_SHARE:
        # The next drop is near: it shall find its summary made.
        needed = max(first, newest_within(counts, tokens=share * KEPT_SHARE))
    if needed <= summarised:
        return 0
    return newest_within(counts, tokens=share * SUMMARISED_BUT)
