"""Which language a customer writes in; pure but for the model file that is read once."""

import re
import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from knowledge.terms import STOP_WORDS, language_of

# What customers of a shop write; each further language makes short texts less certain.
COMMON: Final = (
    "ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "it", "ja", "ko", "nl",
    "no", "pl", "pt", "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip
# Norwegian has one class in the model, whichever of its written forms a locale names.
ALIASES: Final = {"nb": "no", "nn": "no", "iw": "he", "in": "id"}
# A word or two say little, unless their script does: "retour" is as French as it is German.
MIN_WORDS = 3
# How sure (0..1) it must be to leave the language that was expected, and for one that the
# site's articles are written in.
SURE = 0.75
SURE_OF_OWN = 0.6
# Another script than the expected one leaves no doubt that it is another language.
SURE_OF_SCRIPT = 0.5
MAX_CHARACTERS = 600

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_UNCLEAR = re.compile(r"\S*(?:@|://|\d)\S*")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")

# It takes most of a second: threads that come together must not each load it.
_loading = threading.Lock()


def detect_language(text: str, *, default: str, among: Iterable[str] = ()) -> str:
    """Return the language of ``text`` as ``de``; ``default``'s where that is not clear.

    ``among`` are the languages of the site's articles, believed sooner than others.
    """
    expected = _class_of(default)
    own = {_class_of(one) for one in among}
    words = _WORD.findall(_UNCLEAR.sub(" ", text[:MAX_CHARACTERS]))
    plain = " ".join(words)
    if not words or (len(words) < MIN_WORDS and _LATIN.search(plain)):
        return language_of(default)
    if _speaks_english(words):
        own.add("en")
        if expected == "en":
            return language_of(default)
    with _loading:
        identifier = _identifier(frozenset({*COMMON, *own, expected}))
    found, sureness = identifier.classify(plain)
    if found == expected:
        return language_of(default)
    return str(found) if sureness >= _needed(plain, found, own=own) else language_of(default)


def load_languages() -> None:
    """Load the model for those that customers of a shop write, before the first asks."""
    with _loading:
        _identifier(frozenset(COMMON))


def is_same_language(one: str, other: str) -> bool:
    """Whether two locales are of one language."""
    return _class_of(one) == _class_of(other)


def _needed(text: str, found: str, *, own: set[str]) -> float:
    if not _LATIN.search(text):
        return SURE_OF_SCRIPT
    return SURE_OF_OWN if found in own else SURE


def _speaks_english(words: list[str]) -> bool:
    """Whether half of the words are those that English questions are put with."""
    folded = [word.casefold().replace("\u2019", "").replace("'", "") for word in words]
    return 2 * sum(word in STOP_WORDS for word in folded) >= len(folded)


def _class_of(locale: str) -> str:
    language = language_of(locale)
    return ALIASES.get(language, language)


@lru_cache(maxsize=4)
def _identifier(languages: frozenset[str]) -> LanguageIdentifier:
    """Return an identifier of these languages only; those that the model lacks are left out.

    The rest of the model, 25 MB, is let go.
    """
    full = LanguageIdentifier.from_model_file(MODEL_FILE)
    full.set_languages(languages & set(full.labels))
    return LanguageIdentifier(
        full.nb_ptc,
        full.nb_pc,
        full.nb_classes,
        full.tk_nextmove,
        full.tk_output,
        norm_probs=True,
        tk_row=full.tk_row,
    )
