"""Tells a message that says nothing at all: a sleeve on the keyboard, a lone sign; pure rules."""

import re
import unicodedata
from itertools import pairwise
from typing import Final

UNCLEAR_TEXT: Final = (
    "Sorry, I did not understand that. Could you tell me in a few words what you need?"
)
MAX_WORDS = 3
# Neighbours on a keyboard, both ways: "asdf", "lkj", "qwertz".
ROWS: Final = ("qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "qsdfghjklm", "zxcvbnm")
# A word is struck blindly where this share of its pairs are neighbours, or the same letter.
BLIND_SHARE = 0.6
MIN_BLIND_LETTERS = 4
CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{5,}")
REPEATED = re.compile(r"(.{1,3}?)\1{2,}")
# Ordinary words whose letters happen to lie side by side, or that have five consonants in a row.
REAL_WORDS: Final = frozenset(
    """
    were tree free three trees power tower property pretty error terror letter sweet street
    strengths lengths length weighs catchphrase sightseeing nightstand backstreet matchstick
    wrist rest west tires dress assess pool poop asset assets reset sad dad desert redress
    polo loop fresh fees trek saddle feed seed weed deer reed sees add adds ass gas sass asap
    """.split()  # noqa: SIM905 a list of words is read better as a text
)


def is_nonsense(text: str) -> bool:
    """Whether ``text`` holds no word of any language that could be looked up."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(r"[^\W_]+", folded)
    if not words:
        return True
    if len(words) > MAX_WORDS or not all(word.isascii() for word in words):
        return False
    return all(_says_nothing(word) for word in words)


def _says_nothing(word: str) -> bool:
    if any(character.isdigit() for character in word):
        # Longer ones may be an order's number, shorter ones with letters a size.
        return word.isdigit() and len(word) < MIN_BLIND_LETTERS
    return len(word) == 1 or _is_blind(word)


def _is_blind(word: str) -> bool:
    if len(word) < MIN_BLIND_LETTERS or word in REAL_WORDS:
        return False
    if CONSONANTS.search(word) or REPEATED.fullmatch(word):
        return True
    pairs = ["".join(pair) for pair in pairwise(word)]
    near = [any(pair in row or pair[::-1] in row for row in ROWS) for pair in pairs]
    return sum(near) / len(pairs) >= BLIND_SHARE
