"""Words, stems and stop words of a text, for matching questions with passages."""

import re
from functools import cache, lru_cache

from snowballstemmer import stemmer

# Chinese, Japanese and Korean write no spaces: each character counts as a word.
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['\u2019][^\W_{_CJK}]+)*")

_STEMMERS = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "hi": "hindi",
    "hu": "hungarian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}

_STOP_TEXT = """
    a about actually after again all also am an and any anyone are as at be because been before
    being but by can can't cannot could couldn't did didn't do does doesn't doing don't each else
    ever every for from get getting go going got had has hasn't have haven't having he hello help
    her here hey hi him his how how's i i'd i'll i'm i've if in into is isn't it it's its just
    kindly know let let's like may me might mine more most much must my myself need needs no not
    of off ok okay on one only or other our ours out over own please possible same shall she
    should so some still such tell than thank thanks that that's the their theirs them then there
    there's these they they're this those though through to too under until up us very want
    wanted wants was wasn't way we we're were what what's when when's where where's which while
    who who's whom whose why will with won't would wouldn't yes you you're your yours yourself
"""
STOP_WORDS = frozenset(_STOP_TEXT.split())
# No word of a language is longer; a customer's may be as long as a message.
MAX_KEPT_CHARACTERS = 64


def find_stems(text: str, *, locale: str) -> frozenset[str]:
    """Return the stems of a text's words, stop words left out."""
    kept = (word.removesuffix("'s") for word in find_words(text) if word not in STOP_WORDS)
    language = re.split(r"[-_]", locale.lower(), maxsplit=1)[0]
    algorithm = _STEMMERS.get(language, "english")
    return frozenset(
        (_kept_stem if len(word) <= MAX_KEPT_CHARACTERS else _stem)(word, algorithm)
        for word in kept
    )


def find_words(text: str) -> list[str]:
    """Return the words of a text in lower case, stop words and repeated ones too."""
    return [word.replace("\u2019", "'") for word in _WORD.findall(text.lower())]


# Kept, because the stemmer is slow Python and help articles repeat their words.
@lru_cache(maxsize=50_000)
def _kept_stem(word: str, algorithm: str) -> str:
    return _stem(word, algorithm)


def _stem(word: str, algorithm: str) -> str:
    return str(_stemmer(algorithm).stemWord(word))


@cache
def _stemmer(algorithm: str) -> "stemmer":
    return stemmer(algorithm)
