"""Which sentences of an answer promise what only a person may: pure rules, edited as rows.

A rule names what may not be promised ("refund*"). It is broken where a sentence also commits
("I will", "you will get"); the commitments are known in English, German, French and Spanish.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from assistant.guardrails import Sources, content_words
from escalation.phrases import find_phrase

_GIVE: Final = (
    r"refund\w*|reimburs\w+|compensat\w+|credit\w*|pay|paid|transfer\w*|return\w* your money|"
    r"give|given|giving|offer\w*|grant\w*|issu\w+|approv\w+|waiv\w+|appl(?:y|ied|ying)|"
    r"arrang\w+|process\w*|make sure|made sure|guarantee\w*|promis\w+|ensur\w+|send|sent|sending|"
    r"deliver\w*|ship\w*|dispatch\w*|add|added|adding|cancel\w*|extend\w*|replac\w+|honou?r\w*"
)
_BETWEEN: Final = (
    r"(?:(?:\w+ly|also|now|just|of course|then|already|be|been|happy to|glad to|able to|"
    r"right away|today|go ahead and)\s+){0,3}"
)
# The assistant itself gives its word: never a fact, whatever the articles say.
_OWN_WORD: Final = re.compile(
    rf"\bi(?: will|ll| shall| can| have|ve| am going to|m going to| am|m|d be)\s+{_BETWEEN}"
    rf"(?:{_GIVE})\b"
    r"|\bi\s+(?:hereby\s+)?(?:guarantee|promise|approve|grant|authori[sz]e)\b"
    r"|\b(?:your|the|this) (?:\w+ ){1,3}(?:has|have) (?:now |already |just )?been "
    r"(?:approved|granted|issued|applied|refunded|credited|processed|authori[sz]ed)\b"
    r"|\bich (?:\w+ ){0,6}?(?:erstatte|gutschreib|schenke|gewähr|genehmig|garantier|versprech)\w*"
    r"|\bje (?:vais )?(?:vous |te )?(?:rembours|offr|garantis|promets|accord)\w*"
    r"|\b(?:le|te|les) (?:voy a |he )?(?:reembols|devolver|regal|garantiz|promet)\w*"
)
# The company commits itself to the customer: a fact where a passage says the same.
_COMMITMENT: Final = re.compile(
    rf"\bwe(?: will|ll| shall| can| have|ve| are going to|re going to| are|re)\s+{_BETWEEN}"
    rf"(?:{_GIVE})\b"
    r"|\bwe\s+(?:guarantee|promise)\b"
    rf"|\byou(?: will|ll| shall| are going to|re going to)\s+{_BETWEEN}"
    r"(?:get|receive|have|be\b|see|find)"
    rf"|\byou(?: have|ve) been {_BETWEEN}(?:{_GIVE})\b"
    r"|\byou(?: are|re) (?:entitled|guaranteed|owed|due)\b"
    r"|\b(?:it|they|(?:your|the|this) (?:\w+ ){1,3})(?: ?will|ll| ?is going to| ?are going to)\s+"
    rf"{_BETWEEN}(?:arriv\w+|get|reach|com(?:e|ing)|deliver\w*|ship\w*|sent|dispatch\w*|refund\w*|"
    r"credit\w*|there|here|with you|yours)"
    r"|\bwir (?:\w+ ){0,6}?(?:erstatt|gutschreib|schenk|gewähr|garantier|versprech)\w*"
    r"|\bsie (?:bekommen|erhalten)\b|\bnous (?:allons )?(?:vous )?(?:rembours|offr|accord)\w*"
    r"|\bvous (?:recevrez|aurez|obtiendrez|serez)\b|\b(?:recibir|obtendr)[áa]s?\b"
)
# How a sentence that commits begins, before the word that tells to what.
_BEGINNING: Final = re.compile(
    r"\b(?:i|we)(?: will|ll| shall| can| have|ve| am|m| are|re| guarantee| promise| hereby)\b"
    r"|\byou(?: will|ll| shall| have|ve| are|re)\b|\b(?:it|they)ll\b"
    r"|\b(?:will|going to|(?:has|have) (?:now|already|just|been))\b"
    r"|\b(?:ich|wir|je|nous|vous)\b|\bsie (?:bekommen|erhalten)\b"
)
# Without one of these words nothing is committed to: a cheap look at each piece.
_MAY_COMMIT: Final = re.compile(
    r"\b(?:i|we|ich|wir|je|nous|vous|sie|le|te|les)\b|\bi[\u2019']|\bwe[\u2019']|[\u2019']ll\b|"
    r"\b(?:will|been|has|have|entitled|guaranteed|owed|due|going to|recibir|obtendr)",
    re.IGNORECASE,
)
_DENIED: Final = re.compile(
    r"\b(?:not|never|cannot|cant|wont|dont|doesnt|isnt|arent|unable|no one|nobody|only a person|"
    r"a person|our team|a colleague)\b"
)
_CLAUSE_END: Final = re.compile(r"[,;:\u2013\u2014]|\bbut\b|\bhowever\b")
_FILLING: Final = frozenset(
    ("will", "shall", "have", "been", "your", "yours", "with", "this", "that", "them", "they",
     "from", "receiv", "going")
)  # fmt: skip
# Of a promise's words, beside those of the rule, so many must be a passage's too.
MIN_SUPPORT: Final = 0.6


@dataclass(frozen=True, slots=True)
class OutputRule:
    """Words that commit the company to what only a person may promise (see the row)."""

    name: str
    kind: str
    phrases: tuple[str, ...]


DEFAULT_OUTPUT_RULES: Final = (
    OutputRule(
        "Refunds",
        "refund",
        (
            "refund*", "reimburs*", "money back", "your money", "credit your", "chargeback*",
            "erstatt*", "rückerstatt*", "zurückerstatt*", "geld zurück", "gutschreib*",
            "rembours*", "reembols*", "devolver*", "su dinero", "tu dinero",
        ),
    ),
    OutputRule(
        "Compensation and discounts",
        "compensation",
        (
            "compensat*", "discount*", "voucher*", "coupon*", "store credit", "goodwill",
            "free of charge", "for free", "free shipping", "free delivery", "free replacement",
            "free gift*", "percent off", "off your", "off the", "gift card*", "waive*",
            "extra year", "half price", "gutschein*", "rabatt*", "geschenk*", "kostenlos*",
            "remise*", "bon dachat", "gratuit*", "descuento*", "regal*", "gratis",
        ),
    ),
    OutputRule(
        "Delivery dates",
        "date",
        (
            "arriv*", "deliver*", "dispatch*", "ship*", "package*", "parcel*", "reach you",
            "with you by", "with you on", "liefer*", "paket*", "livr*", "colis", "entreg*",
            "paquete*",
        ),
    ),
)  # fmt: skip


def broken_rule(
    sentence: str, *, rules: Iterable[OutputRule], sources: Sources
) -> OutputRule | None:
    """Return the rule that a sentence breaks; a promise that a passage makes is a fact."""
    plain = _plain(sentence)
    for rule in rules:
        if find_phrase(plain, phrases=rule.phrases) is None:
            continue
        if _commits(plain, phrases=rule.phrases, sources=sources):
            return rule
    return None


def may_commit(text: str) -> bool:
    """Whether a sentence with ``text`` in it needs a closer look."""
    return _MAY_COMMIT.search(text) is not None


def begins_to_commit(beginning: str) -> bool:
    """Whether an unfinished sentence gives its word already, for what is still to come."""
    plain = _plain(beginning)
    return any(one.search(plain) for one in (_BEGINNING, _OWN_WORD, _COMMITMENT))


def _commits(plain: str, *, phrases: Sequence[str], sources: Sources) -> bool:
    if any(not _is_denied(plain, match.start()) for match in _OWN_WORD.finditer(plain)):
        return True
    commitments = _COMMITMENT.finditer(plain)
    if all(_is_denied(plain, match.start()) for match in commitments):
        return False
    return not _is_fact(plain, phrases=phrases, sources=sources)


def _is_fact(plain: str, *, phrases: Sequence[str], sources: Sources) -> bool:
    """Whether the sources say what a sentence commits to, and more than that it is possible."""
    promised = {word for phrase in phrases for word in content_words(phrase)}
    words = {
        word
        for word in content_words(plain)
        if word not in _FILLING and not any(word.startswith(one) for one in promised)
    }
    return (
        bool(words) and sources.share_of(words) >= MIN_SUPPORT and sources.holds_numbers_of(plain)
    )


def _is_denied(plain: str, place: int) -> bool:
    """Whether the clause before ``place``, or the verb there, says no."""
    before = plain[:place]
    ends = [match.end() for match in _CLAUSE_END.finditer(before)]
    clause = plain[ends[-1] if ends else 0 : place]
    following = " ".join(plain[place:].split()[:4])
    return bool(_DENIED.search(clause) or _DENIED.search(following))


def _plain(sentence: str) -> str:
    """Return a sentence in small letters, its apostrophes and emphasis left out."""
    folded = sentence.casefold().replace("\u2019", "").replace("'", "")
    return " ".join(re.sub(r"[*_`]+", "", folded).split())
