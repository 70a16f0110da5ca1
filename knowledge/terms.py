"""Turns a text into the terms that are indexed and searched; pure."""

import re
import threading
import unicodedata
from functools import cache, lru_cache
from typing import Final

import snowballstemmer

MAX_TERM_CHARACTERS = 64
ALGORITHMS: Final = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german",
    "el": "greek", "en": "english", "es": "spanish", "et": "estonian", "eu": "basque",
    "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian",
    "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
# Words that questions are put with; what tells one topic from another stays in.
_ENGLISH = """
a about aint am an and any anybody anyone are arent as at be been being but by can cannot cant
could couldnt did didnt do does doesnt doing dont for from get getting give go going got guys
had hadnt has hasnt have havent having he hello help her here hey hi him his how i if in into
is isnt it just kindly know let like me my myself need of on or our please possible she should
shouldnt so some somehow tell than thank thanks that the their them then there these they this
those to too us using very want wanted wants was wasnt way we were werent what when where which
while who whom whose why will with wont would wouldnt you your
"""
# What many leave an apostrophe out of; not where another word is written so (id, ill, well).
_UNMARKED = """
im ive youre youve youll youd hes shes its itll weve theyre theyve theyll theyd thats thatll
theres heres whats wheres whos whens whys hows lets
"""
STOP_WORDS: Final = frozenset(_ENGLISH.split())
MARKED = re.compile(r"'(?:s|m|d|ll|re|ve)$")
HOSTS: Final = {word: re.sub(r"(?:s|m|d|ll|re|ve)$", "", word) for word in _UNMARKED.split()}
WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
# A product or order number, or a single letter tied to a word (e-mail, t-shirt): one term.
ONE_TERM = re.compile(r"[a-z]+-?\d[\w-]*|[a-z]-[a-z]+|[a-z]+-[a-z]")
# Scripts that put no space between words are searched by pairs of characters.
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+")
_stemming = threading.Lock()


def language_of(locale: str) -> str:
    """Return the language of a locale as ``pt-BR``, in lower case."""
    return re.split(r"[-_]", locale.casefold(), maxsplit=1)[0]


def terms_of(text: str, *, locale: str = "en") -> list[str]:
    """Return the terms of ``text`` in order, repeated ones too, without stop words.

    Languages that Snowball lacks stay unstemmed; stop words are English only, since BM25
    gives a word that stands everywhere next to no weight anyhow.
    """
    language = language_of(locale)
    ignored = STOP_WORDS if language == "en" else frozenset[str]()
    return [_term(word, language) for word in _words(text, language) if word not in ignored]


# They come back with every question.
@lru_cache(maxsize=4096)
def label_terms(label: str, *, locale: str = "en") -> frozenset[str]:
    """Return the same of a title or a heading."""
    return all_terms_of(label, locale=locale)


def all_terms_of(text: str, *, locale: str = "en") -> frozenset[str]:
    """Return the terms of ``text`` with its stop words: "where is" and "what is" differ."""
    language = language_of(locale)
    return frozenset(_term(word, language) for word in _words(text, language))


def _words(text: str, language: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()
    parts = (part for word in WORD.findall(folded) for part in _parts(word))
    return [HOSTS.get(part, part) for part in parts] if language == "en" else list(parts)


def _parts(word: str) -> list[str]:
    """Return what one written word stands for in the index."""
    if UNSPACED.search(word):
        return [piece for run in UNSPACED.split(word) if run for piece in [run]] + [
            run[at : at + 2] for run in UNSPACED.findall(word) for at in range(max(1, len(run) - 1))
        ]
    word = MARKED.sub("", word).replace("'", "")
    if ONE_TERM.fullmatch(word):
        return [word.replace("-", "")]
    return [part for part in word.split("-") if part]


def _term(word: str, language: str) -> str:
    # Neither numbers are kept nor what is longer than a term: there is no end of them.
    if any(character.isdigit() for character in word):
        return word[:MAX_TERM_CHARACTERS]
    stem = _kept_stem if len(word) <= MAX_TERM_CHARACTERS else _stem
    return stem(word, language)[:MAX_TERM_CHARACTERS]


@lru_cache(maxsize=20_000)
def _kept_stem(word: str, language: str) -> str:
    return _stem(word, language)


def _stem(word: str, language: str) -> str:
    algorithm = ALGORITHMS.get(language)
    if algorithm is None:
        return word
    # A stemmer keeps the word it works on: two threads must not share one.
    with _stemming:
        return str(_stemmer(algorithm).stemWord(word))


@cache
def _stemmer(algorithm: str) -> snowballstemmer.stemmer:
    return snowballstemmer.stemmer(algorithm)
