"""Pure rules: when a message needs a person, why, and how urgently."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from escalation.models import FlagRule, HandOff
from escalation.phrases import find_phrase

Reason = HandOff.Reason
Urgency = HandOff.Urgency
Kind = FlagRule.Kind

REASON_OF_KIND: dict[str, HandOff.Reason] = {
    Kind.THREAT: Reason.FLAGGED,
    Kind.SELF_HARM: Reason.FLAGGED,
    Kind.LEGAL: Reason.FLAGGED,
    Kind.ABUSE: Reason.FLAGGED,
    Kind.ASKED_FOR_PERSON: Reason.ASKED_FOR_PERSON,
    Kind.UPSET: Reason.NEGATIVE_SENTIMENT,
    Kind.MEDICAL: Reason.MUST_NOT_DECIDE,
    Kind.LEGAL_ADVICE: Reason.MUST_NOT_DECIDE,
    Kind.CARD_DATA: Reason.FLAGGED,
}
# The first match in this order is the reason: danger to people before anger, anger before wishes.
KIND_ORDER = (
    Kind.SELF_HARM, Kind.THREAT, Kind.LEGAL, Kind.MEDICAL, Kind.LEGAL_ADVICE, Kind.ABUSE,
    Kind.ASKED_FOR_PERSON, Kind.CARD_DATA, Kind.UPSET,
)  # fmt: skip
URGENT_KINDS = frozenset({Kind.SELF_HARM, Kind.THREAT})
PRESSING = frozenset({Reason.FLAGGED, Reason.NEGATIVE_SENTIMENT, Reason.TOOL_FAILED})

TEXTS: dict[str, str] = {
    Reason.ASKED_FOR_PERSON: "Of course. I'm passing you to a person from our team.",
    Reason.LOW_CONFIDENCE: "I couldn't find a reliable answer to that in our help articles, so "
    "I'm passing you to a person from our team.",
    Reason.FLAGGED: "I'm passing this to a person from our team right away.",
    Reason.NEGATIVE_SENTIMENT: "I'm sorry that this has been frustrating. I'm passing you to a "
    "person who can help.",
    Reason.REPEATED_QUESTION: "It looks as if my answer didn't help, so I'm passing you to a "
    "person from our team.",
    Reason.MUST_NOT_DECIDE: "That is for a person to decide, so I'm passing you to our team.",
    Reason.MODEL_UNAVAILABLE: "I can't answer that reliably at the moment, so I'm passing you to "
    "a person from our team.",
    Reason.TOOL_FAILED: "I can't tell whether that went through, so I'm passing you to a person "
    "from our team who will check. Please don't try it again meanwhile.",
    Reason.TRANSFERRED: "You are being passed on to a colleague.",
}
SELF_HARM_TEXT = (
    "I'm so sorry that you feel this way, and I'm glad that you said it. You matter, and you don't "
    "have to go through this alone. If you are in danger, please call your local emergency number "
    "now; for somebody to talk to at any hour there are crisis lines - 116 123 in much of Europe, "
    "988 in the US and Canada, findahelpline.com elsewhere. I'm also bringing in a person from our "
    "team right now."
)


@dataclass(frozen=True, slots=True)
class Flag:
    """A rule that matched, ready to become a hand-off, or a reply that needs nobody."""

    kind: str
    name: str
    customer_text: str
    is_reply_only: bool = False

    @property
    def reason(self) -> HandOff.Reason:
        """The hand-off's reason."""
        return REASON_OF_KIND[self.kind]

    @property
    def urgency(self) -> HandOff.Urgency:
        """How soon a person must look."""
        return Urgency.URGENT if self.kind in URGENT_KINDS else urgency_of(self.reason)


def urgency_past_limit(usual: HandOff.Urgency) -> HandOff.Urgency:
    """Return what is left of an urgency in a network that brought in as many as an hour may hold.

    It waits behind everybody, but where a life may be in danger only among the others.
    """
    return Urgency.NORMAL if usual == Urgency.URGENT else Urgency.LOW


def urgency_of(reason: HandOff.Reason) -> HandOff.Urgency:
    """Return the usual urgency of a reason."""
    return Urgency.HIGH if reason in PRESSING else Urgency.NORMAL


def find_flag(text: str, *, rules: Iterable[FlagRule]) -> Flag | None:
    """Return the gravest rule that ``text`` meets, or ``None``.

    It only replies if no other rule that was met wants a person.
    """
    hits = [rule for rule in rules if find_phrase(text, phrases=rule.phrases) is not None]
    if hits:
        rule = min(hits, key=_gravity)
        is_reply_only = all(hit.action == FlagRule.Action.REPLY_ONLY for hit in hits)
        return Flag(rule.kind, rule.name, rule.customer_text, is_reply_only)
    if is_shouting(text):
        return Flag(kind=Kind.UPSET, name="Shouting", customer_text="")
    return None


def flag_of_categories(categories: Sequence[str], *, rules: Iterable[FlagRule]) -> Flag:
    """Return what a moderation model's categories come to, said with the site's own words.

    A moderation model is no keyword: whatever a rule's action is, a person looks.
    """
    kind = min((_kind_of_category(one) for one in categories), key=KIND_ORDER.index, default=None)
    texts = (rule.customer_text for rule in rules if rule.kind == kind and rule.customer_text)
    default = SELF_HARM_TEXT if kind == Kind.SELF_HARM else ""
    name = ", ".join(categories) or "Moderation"
    return Flag(kind or Kind.ABUSE, name, next(texts, default))


def _kind_of_category(category: str) -> FlagRule.Kind:
    if category.startswith("self"):
        return Kind.SELF_HARM
    return Kind.THREAT if "threat" in category or category.startswith("violence") else Kind.ABUSE


def _gravity(rule: FlagRule) -> int:
    return KIND_ORDER.index(Kind(rule.kind))


def is_shouting(text: str) -> bool:
    """Whether a text of some length is nearly all capitals and exclaims."""
    letters = [char for char in text if char.isalpha()]
    capitals = sum(char.isupper() for char in letters)
    return len(letters) >= 20 and capitals / len(letters) > 0.8 and "!" in text


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in re.findall(r"\w+", text.casefold()) if len(word) > 2)


def is_repeated(question: str, *, answered: Sequence[str]) -> bool:
    """Whether ``question`` says again what was asked and answered before, without success.

    Jaccard similarity of the words of three letters and more, at 0.75: a follow-up on the
    same subject stays well below, a rephrased complaint about the same answer does not.
    """
    asked = _words(question)
    if len(asked) < 2:
        return False
    earlier = [_words(text) for text in answered]
    return any(words and len(asked & words) / len(asked | words) >= 0.75 for words in earlier)


def hand_off_text(
    reason: HandOff.Reason, *, customer_text: str, people_online: bool, offline_text: str
) -> str:
    """Return what the customer reads when a person is asked for."""
    text = customer_text or TEXTS[reason]
    return text if people_online else f"{text}\n\n{offline_text}"
