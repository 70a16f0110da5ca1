"""What is seen in a customer's message before an answer is written: signs of an injection.

They raise caution and are never the only control: whoever gets past them meets a model that
holds no secret, tools that need a click, and the output's guard.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from assistant.planning import PassOn
from escalation.models import FlagRule
from escalation.policy import flag_of_categories
from llm.types import ModerationVerdict

MAX_LOOKED_AT = 8_000
_INVISIBLE: Final = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]"
)
_REPEATED: Final = re.compile(r"\b(\w[\w ]{0,40}?)(?:\W++\1\b){7,}", re.IGNORECASE)
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}|(?:[0-9a-fA-F]{2}[ :]?){16,}")
_WORD: Final = re.compile(r"[a-z]{2,}")

# Bounded: what may begin within a word must not be read on to its end from each place in it.
_RULES: Final = (
    r"(?:instruct\w{0,30}|directi\w{0,30}|prompts?|rules?|guidelines?|polic(?:y|ies)|orders?|"
    r"commands?|programming|training|restrictions?|limitations?|filters?|safeguards?|"
    r"constraints?|tasks?|messages?|context|every(?:th?ing)? (?:above|before|else|you)|above|"
    r"anweisung\w{0,30}|regeln|vorgaben|instrucciones|reglas|"
    r"instructions|consignes|instruções|istruzioni|instructies|indicazioni|istruzione|指示|命令|지시)"
)
_DROP: Final = (
    r"(?:ignor\w*|disregard\w*|forget|forgot|overlook|override|overrule|bypass|neglect|drop|"
    r"discard|set aside|do not follow|dont follow|stop following|no longer follow|"
    r"pay no attention to|skip|erase|delete|vergiss|ignoriere\w*|missachte|olvid\w*|oublie[sz]?|"
    r"esque\w+|dimentica\w*|negeer|vergeet|無視|忽略|무시)"
)
_ASK: Final = (
    r"(?:repeat|print|show|reveal|output|tell|give|display|write|recite|echo|leak|expose|list|"
    r"translate|encode|summari[sz]e|what(?:s| is| are| were)|disclose|copy|dump|spell|"
    r"share|confirm)"
)
_HIDDEN: Final = (
    r"(?:system prompt|(?:system|initial|original|hidden|secret|internal|developer|your|first) "
    r"(?:prompt|instructions?|messages?|rules|guidelines|mark|marker|canary)|"
    r"(?:text|words|everything|sentences?|lines?) (?:above|before)|secret (?:key|word|code|mark)|"
    r"api keys?|internal mark|canary|"
    r"(?:your|the|our|admin|system)(?: \w+){0,2} (?:password|passphrase|credentials)|"
    r"(?:ihr|dein|euer) passwort|(?:tu|la|su) contraseña|(?:votre|ton) mot de passe)"
)
_SIGNALS: Final[dict[str, re.Pattern[str]]] = {
    "override": re.compile(
        rf"\b{_DROP}\b(?:\W+(?!my\b)\w+){{0,6}}?\W+{_RULES}\b|"
        rf"{_RULES}\W{{0,3}}(?:\w{{1,60}}+\W{{1,9}}+){{0,4}}?(?:無視|忽略|무시)|"
        r"\b(?:new|updated|real|actual) (?:instructions?|rules|orders)\s*:|"
        rf"\b{_DROP} (?:all |everything |anything |what ).{{0,40}}"
        r"\b(?:told|said|instructed|learn\w*)"
        r"|(?:以前|之前|先前|上記|이전).{0,8}(?:指示|指令|命令|지시)",
    ),
    "prompt": re.compile(
        rf"\b{_ASK}\b(?:\W+\w+){{0,8}}?\W+{_HIDDEN}\b"
        rf"|\b{_HIDDEN}\b.{{0,60}}\b(?:base64|verbatim|word for word|backwards|in full)\b",
    ),
    "role": re.compile(
        r"\b(?:you are now|you will now|from now on,? (?:you|act|answer|reply|respond)|act as|"
        r"pretend (?:to be|you|that you)|role ?play|imagine you|immerse yourself|simulate|"
        r"behave as|take on the (?:role|persona)|switch to|enter) (?:\w+ ){0,6}?"
        r"(?:persona|dan|jailbroken|unrestricted|unfiltered|developer|admin\w*|root|evil|"
        r"another ai|different ai|new ai|assistant|agent|character|without|no rules|terminal|"
        r"linux|debug|manager|employee|hacker|anything)"
        r"|\bdo anything now\b|\bjailbreak\w*|\bdan mode\b|\bdeveloper mode\b|\bgod mode\b|"
        r"\b(?:system|maintenance|debug|admin|sudo|root) (?:mode|override|access|upgrade|check)\b",
    ),
    "authority": re.compile(
        r"\bi(?: a|')?m (?:your|the|an?(?= admin| system| audit)|one of the|one of your) "
        r"(?:\w+ ){0,2}?"
        r"(?:developers?|creator|programmer|admin\w*|owner|ceo|system administrator|engineer|god|"
        r"president|operator|auditor)\b"
        r"|\bi am god\b|\b(?:openai|anthropic) (?:staff|employee|engineer|told|says)",
    ),
    "markup": re.compile(
        r"<\|?/?\s*(?:im_start|im_end|system|assistant|user|passages?|question|background|"
        r"instructions?|inst|endoftext|tool\w*)\b|\[/?inst\]|<<sys>>|"
        r"^[^\S\n]*+(?:#++\s{0,20}+)?(?:system|assistant|developer|tool)"
        r"\s*+(?:(?:message|prompt)\s*+)?:|"
        r"\b(?:begin|end|start) (?:of )?(?:system|prompt|instructions?|conversation)\b|"
        r"\b(?:and|instead|just|simply|only|please) say ['\"\u201c]|\"role\"\s*:",
        re.MULTILINE,
    ),
    "image": re.compile(
        r"!\[[^\]]{0,400}+\]\(|<img\b|\b(?:render|embed|insert) (?:an? )?(?:image|pixel)"
    ),
    "others_data": re.compile(
        r"\b(?:all|other|another|every|list of|the) (?:users?|customers?|clients?|accounts?|"
        r"orders|people)(?:s|')? (?:and their |email\w*|address\w*|data|details?|passwords?|"
        r"information|bank|orders|balance\w*|records?|phone\w*)"
        r"|\b(?:order|account|email|address|balance|data) of (?:another|other|a different) "
        r"|\w(?:s| of \w+(?: \w+)?) bank balance\b|\b(?:social security number|user database)\b",
    ),
    # Atomic: always the nearest, or each of many would be tried with each.
    "few_shot": re.compile(
        r"\bq\s*+:(?>.{0,400}?\ba\s*+:)(?>.{0,400}?\bq\s*+:).{0,400}?\ba\s*+:", re.DOTALL
    ),
    "hidden_code": re.compile(
        r"\b(?:decode|base64|rot13|hexadecimal|reverse the (?:text|string|letters)|"
        r"concatenat\w*|combine (?:the|these) parts|following parts|part 1 is|output of this code|"
        r"execute (?:the|this)|<code>|"
        r"first letters? of each)\b|\bdef \w+\(|\bimport \w+\b.*\bprint\(|<!--",
        re.DOTALL,
    ),
}


def injection_signals(text: str) -> tuple[str, ...]:
    """Return the names of what in ``text`` looks like an order to the model; usually none."""
    folded = _folded(text[:MAX_LOOKED_AT])
    found = [name for name, pattern in _SIGNALS.items() if pattern.search(folded)]
    if _INVISIBLE.search(text):
        found.append("invisible")
    if _REPEATED.search(folded):
        found.append("repetition")
    if any(_hides_words(match[0]) for match in _ENCODED.finditer(text[:MAX_LOOKED_AT])):
        found.append("encoded")
    return tuple(found)


def pass_on_by_verdict(verdict: ModerationVerdict, rules: Iterable[FlagRule]) -> PassOn:
    """Return the hand-off for what a moderation model flagged, with the site's own words."""
    flag = flag_of_categories(verdict.categories, rules=rules)
    return PassOn(
        reason=flag.reason,
        detail=flag.name[:300],
        urgency=flag.urgency,
        customer_text=flag.customer_text,
    )


def _folded(text: str) -> str:
    """Return ``text`` in small letters of one width, what can't be seen left out."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    return folded.replace("\u2019", "").replace("'", "")


def _hides_words(encoded: str) -> bool:
    """Whether Base64 or hexadecimal digits spell words."""
    try:
        if re.fullmatch(r"[0-9a-fA-F :]+", encoded):
            raw = bytes.fromhex(re.sub(r"[ :]", "", encoded))
        else:
            raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
        plain = raw.decode("ascii")
    except (ValueError, binascii.Error):
        return False
    return len(_WORD.findall(plain.casefold())) >= 2
