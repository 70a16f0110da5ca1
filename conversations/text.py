"""What a text from outside must be before it may be stored."""

from core.cards import mask_cards
from core.errors import BadInput, TooLong

MAX_MESSAGE_CHARACTERS = 4_000
MAX_COMMENT_CHARACTERS = 2_000


def clean_text(value: object, *, limit: int, field: str = "text") -> str:
    """Return ``value`` as storable text without outer white space; ``limit`` in characters.

    PostgreSQL takes neither NUL nor lone surrogates: the first is refused, the others
    become U+FFFD. Raises ``BadInput`` or ``TooLong``.
    """
    if not isinstance(value, str):
        raise BadInput(f"{field} must be a text.")
    if "\x00" in value:
        raise BadInput(f"{field} must not hold NUL characters.")
    text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
    if len(text) > limit:
        raise TooLong(f"{field} is longer than {limit:,} characters.")
    return text


def clean_message(value: object) -> str:
    """Return a message's text with masks for card numbers, which are never stored.

    Raises ``BadInput`` when nothing is left of it.
    """
    text = mask_cards(clean_text(value, limit=MAX_MESSAGE_CHARACTERS))
    if not text:
        raise BadInput("text is empty.")
    return text
