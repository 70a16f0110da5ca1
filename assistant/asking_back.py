"""Between an answer and a hand-off: which article is meant, or can it be put in other words.

Pure rules; what was asked before is read from the messages and turns by ``planning``.
"""

import re
from collections.abc import Sequence
from typing import Final

from assistant.small_talk import plain_words
from knowledge.retrieval import Retrieval, ScoredPassage
from llm.words import find_stems

# Two articles fit about equally where the second scores this share of the first. Scores of what is
# near to a question and of what answers it lie close: of 22 of the demo's questions that are asked
# back so, the right article was among the two for 20.
ABOUT_EQUAL = 0.7
# Below this neither is a reasonable guess, and a choice between them an imposition.
WORTH_ASKING = 0.4
# So many of an option's telling words name it.
NAMING_SHARE = 0.5
MAX_WORDS_OF_CHOICE = 12
MAX_QUESTION_CHARACTERS = 240

REWORD_TEXT: Final = (
    "I could not find this in our help articles. Could you say it in other words, or would you "
    "like a person?"
)
WHICH_TEXT: Final = "I found two articles that may answer this. Which one do you mean?"
REWORD_SUGGESTIONS: Final = ("Talk to a person",)
CLICK_TEXT: Final = (
    "Please press **Confirm** on the card above to go ahead. Nothing happens before you do."
)
UNCLICKED_TEXT: Final = "All right. Nothing happens unless you press **Confirm** on the card above."

_FIRST: Final = re.compile(
    r"(?:(?:the|number|no|option|article|nr|answer) )*(?:1|one|1st|first|former|top|upper|a)"
    r"(?: (?:one|option|article|please|pls|thanks))*"
)
_SECOND: Final = re.compile(
    r"(?:(?:the|number|no|option|article|nr|answer) )*"
    r"(?:2|two|2nd|second|latter|last|other|bottom|lower|b)"
    r"(?: (?:one|option|article|please|pls|thanks))*"
)
# Words, no patterns: a long reply of them must be read once, not in every way it can be parted.
YES_WORDS: Final = frozenset(
    """
    yes yeah yep yup ya sure ok okay please pls a the person human get me one i would do like that
    to talk absolutely definitely of course go ahead confirm confirmed it ja si oui
    yesplease ofcourse goahead
    """.split()  # noqa: SIM905 a list of words is read better as a text
)
NO_WORDS: Final = frozenset(
    """
    no nope nah not now needed need thanks thank you nein non nothanks thankyou
    """.split()  # noqa: SIM905 as above
)

_ASKS: Final = re.compile(r"[?\uff1f\u061f][\"')\u201d\u00bb*_]*\Z")
_SENTENCES: Final = re.compile(r"[.!?\u3002\uff01\uff1f\u061f](?=\s|\Z)")


def choose_between(
    found: Retrieval, *, confidence: float, threshold: float
) -> tuple[ScoredPassage, ScoredPassage] | None:
    """Return the two articles' passages to ask about, best first; ``None``: don't ask.

    Asked where neither alone is sure enough, yet one of the two very likely is right: the
    second's chance is taken as the first's by the proportion of their scores.
    """
    best = found.best
    if best is None or not WORTH_ASKING <= confidence < threshold <= 1 or best.score <= 0:
        return None
    second = next((one for one in found.passages if one.article_id != best.article_id), None)
    if second is None or second.title.casefold() == best.title.casefold():
        return None
    share = second.score / best.score
    if share < ABOUT_EQUAL or confidence * (1 + share) < threshold:
        return None
    return best, second


def which_text(titles: Sequence[str]) -> str:
    """Return the question which of ``titles`` is meant, as Markdown."""
    listed = "\n".join(f"{number}. {title}" for number, title in enumerate(titles, start=1))
    return f"{WHICH_TEXT}\n\n{listed}"


def chosen_title(text: str, *, titles: Sequence[str]) -> str | None:
    """Return the title that a customer's reply picks: by number, by name or by a part of it."""
    words = plain_words(text)
    plain = " ".join(words)
    if not words or len(words) > MAX_WORDS_OF_CHOICE or len(titles) < 2:
        return None
    named = [title for title in titles if " ".join(plain_words(title)) in plain]
    if len(named) == 1:
        return named[0]
    if _FIRST.fullmatch(plain):
        return titles[0]
    if _SECOND.fullmatch(plain):
        return titles[1]
    return _named_in_part(text, titles=titles)


def is_brief_question(text: str) -> bool:
    """Whether a model's ``text`` only asks for something, in a sentence or two."""
    plain = text.strip()
    is_short = len(plain) <= MAX_QUESTION_CHARACTERS and len(_SENTENCES.findall(plain)) <= 2
    return is_short and bool(_ASKS.search(plain)) and "://" not in plain


def agrees(text: str) -> bool:
    """Whether a reply to "would you like a person?" or to a card says yes."""
    return _says_only(text, YES_WORDS)


def declines(text: str) -> bool:
    """Whether a reply to such a question says no, and no more."""
    return _says_only(text, NO_WORDS)


def _says_only(text: str, known: frozenset[str]) -> bool:
    words = plain_words(text)
    return bool(words) and known.issuperset(words)


def _named_in_part(text: str, *, titles: Sequence[str]) -> str | None:
    """Return the title whose telling words, those of no other, make up most of ``text``."""
    said = find_stems(text, locale="en")
    stems = [find_stems(title, locale="en") for title in titles]
    shares = []
    for number, own in enumerate(stems):
        others = frozenset[str]().union(
            *(one for place, one in enumerate(stems) if place != number)
        )
        telling = own - others
        shares.append(len(said & telling) / len(said) if said else 0.0)
    best = max(shares)
    is_clear = best >= NAMING_SHARE and shares.count(best) == 1
    return titles[shares.index(best)] if is_clear else None
