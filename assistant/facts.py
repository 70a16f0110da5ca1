"""What a customer said of their own case in earlier talks: learnt in the background, bounded.

A model proposes; what is kept has a known kind, stands in the customer's own words and holds
no personal data. It is shown to models as unverified, and decides nothing.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from assistant.models import LearntFact
from conversations.models import Conversation, Message

# Kinds that help an answer. None says who somebody is, what they may do or what was promised:
# a stranger's words must not become that by being remembered.
KEYS: Final = (
    "product",
    "product_version",
    "device",
    "operating_system",
    "browser",
    "use_case",
    "team_size",
    "country",
    "experience",
    "preference",
    "open_problem",
    "tried_already",
    "deadline",
    "interest",
)
MAX_VALUE_CHARACTERS = 200
WORD: Final = re.compile(r"\w+")
IsPersonal = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Proposed:
    """A fact as a model proposes it, with the number of the message that it stands in."""

    key: str
    value: str
    seq: int


@transaction.atomic
def learn_facts(
    conversation: Conversation,
    proposed: Sequence[Proposed],
    *,
    said: Mapping[int, Message],
    is_personal: IsPersonal,
) -> int:
    """Keep what may be kept, a newer value in place of an older one; return how many.

    ``said`` has the messages that were read, by number. Nothing is learnt while it is uncertain
    whether a verified customer is the one who writes.
    """
    if conversation.customer.is_verified and not conversation.is_vouched_for:
        return 0
    kept = 0
    for fact in proposed:
        source = said.get(fact.seq)
        value = " ".join(fact.value.split())
        if source is None or not _may_be_kept(fact.key, value, source=source):
            continue
        if is_personal(value):
            continue
        LearntFact.objects.update_or_create(
            customer=conversation.customer,
            key=fact.key,
            defaults={
                "value": value,
                "conversation": conversation,
                "source_message": source,
                "learnt_at": source.created_at,
            },
        )
        kept += 1
    return kept


def _may_be_kept(key: str, value: str, *, source: Message) -> bool:
    return (
        key in KEYS
        and 0 < len(value) <= MAX_VALUE_CHARACTERS
        and source.author_kind == Message.Author.CUSTOMER
        and _stands_in(value, source.text)
    )


def _stands_in(value: str, text: str) -> bool:
    """Whether every telling word of ``value``, and every number, is one of the text's."""
    words = _telling(value)
    return bool(words) and words <= _telling(text)


def _telling(text: str) -> set[str]:
    """Return numbers and the words of three letters and more, by their first six."""
    words = WORD.findall(text.casefold())
    return {word[:6] for word in words if len(word) > 2 or word.isdigit()}
