"""What customers ask: questions that the demo's articles answer surely, no two alike.

So that each turn goes the whole way: none is asked back, passed on, or answered from memory.
"""

import itertools
from collections.abc import Iterator

ANSWERABLE = (
    "can i put my hiking boots in the washing machine",
    "should I buy hiking boots bigger than my normal shoes?",
    "what's US men 9 in EU boot sizes",
    "i sent the gift card to a wrong email adress",
    "how much is shipping to Canada?",
    "how do i cancel, i ordered as a guest",
    "how long do you keep a pickup order at the store",
    "what does a footprint do, do I need one under the tent",
    "the inside of my tent is wet every morning, is it broken?",
    "what does a new tent pole section cost",
    "why did i get two tracking numbers for one order",
    "how long is the warranty on a backpack",
    "how do i wash my rain jacket",
    "my merino sweater shrank in the wash, can I save it?",
    "are the stores wheelchair accessible",
    "how long does overnight shipping take and what does it cost",
    "does my discount code still work if the item ships weeks later?",
)


def questions(*, seed: int) -> Iterator[str]:
    """Yield questions without end, each with a number of its own."""
    for number, question in enumerate(itertools.cycle(ANSWERABLE), 100_000 + 1_000 * seed):
        yield f"{question} Thanks, number {number}"
