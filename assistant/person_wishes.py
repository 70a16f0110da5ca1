"""Tells whether a customer asks for a person, in whatever words; pure rules.

The rules of the site (``escalation``) come first; these can't be edited, so that a person is
always one sentence away.
"""

import re
import unicodedata
from typing import Final

MAX_WORDS = 40
MAX_WORDS_ALONE = 6

_BEFORE = (
    "(?:(?:an?|any|another|some|the|your|ur|my|one of your|real|live|actual|human|physical|proper|"
    "living|breathing|flesh and blood|support|service|customer|sales|care|help|desk|chat|phone|"
    "available|other|different|store|team|please|of the) )*"
)
_WHO = (
    "(?:persons?|people|humans?|human being|humanbeing|agents?|agnet|representative|representitive|"
    "representive|reps?|operators?|opperator|advisor|adviser|associate|employee|staff|staff member|"
    "member of staff|team member|supervisor|manager|colleague|support|service|"
    "customer service|customer support|customer care|support team|service team|help ?desk|someone|"
    "somebody|sombody|some one|anyone|"
    "anybody)"
)
_REACH = (
    "(?:talk|talking|tlak|speak|speaking|spek|speek|chat|chatting|converse|connect|connected|"
    "connecting|transfer|transferred|transfered|escalate|escalated|forward|forwarded|redirect|"
    "redirected|switch|switched|pass|passed|hand|handed|route|routed|put|patch|refer)"
)
_LINK = (
    r"(?: (?:me|us|this|it|this chat|directly|right|now|through|thru|over|on|off|up|in touch|"
    r"straight|away|back|instead))*(?: (?:to|with|w|2))? "
)
_BOT = r"(?:bots?|chat ?bots?|robots?|machines?|ai|computers?|automated \w+|virtual assistants?)"
# "Can I speak to a human", "transfer me to an agent"; "am I talking to a person" asks who is there.
REACHING: Final = re.compile(rf"\b(?<!am i ){_REACH}{_LINK}{_BEFORE}{_WHO}\b(?! else)")
# "I want a person", "get me an agent", "is there a human".
WANTING: Final = re.compile(
    r"\b(?<!do you )(?:want|need|would like|d like|prefer|rather have|demand|require|"
    r"get|gimme|give|bring|find|send|call|fetch|show|is there|are there)(?: (?:me|us|to have|"
    r"to get|to see|to reach))* "
    r"(?:an?|any|another|the|your|some|real|live|actual|human)(?: \w+)? ?"
    r"(?:person|people|humans?|human being|agents?|representative|rep|operator|supervisor|manager|"
    r"advisor|adviser)\b(?! (?:fee|discount|account|size|at|of|who|sized?|tent))"
)
# No more of the machine: "stop the bot", "no robots please", "I hate chatbots".
NO_BOT: Final = re.compile(
    r"\b(?:no|no more|stop|hate|dont want|do not want|dont like|sick of|tired of|enough of|"
    r"instead of|rather than|anything but|skip|bypass)"
    r"(?: (?:to|talk|talking|speak|speaking|with|an?|the|this|these|your|you|stupid|dumb|more))* "
    rf"{_BOT}\b"
)
# The whole message: "agent", "human please", "operator!!", "real person now".
ALONE: Final = re.compile(
    r"(?:(?:please|pls|plz|a|an|the|real|live|actual|human|hi|hey|hello|ok|okay|no|yes|just|now|"
    r"customer|support|service|want|need|i|to|your) )*"
    r"(?:agents?|humans?|human being|operator|representative|rep|person|people|manager|supervisor|"
    r"live (?:chat|support|help)|customer (?:service|support|care)|human (?:support|help)|"
    r"someone real|mitarbeiter|mensch|personne|humain|agente|persona|humano|operatore|mens|"
    r"medewerker)"
    r"(?: (?:please|pls|plz|now|asap|thanks|here|needed|wanted|required|available|bitte|por favor|"
    r"svp))*"
)
# The same wish in the languages that customers of a shop write most.
ABROAD: Final = re.compile(
    r"\b(?:mit (?:\w+ ){0,3}(?:mensch|menschen|mitarbeiter|mitarbeiterin|person|jemandem|berater)"
    r"(?: \w+){0,2} (?:sprechen|reden|chatten|verbinden|verbunden)|jemanden sprechen|"
    r"(?:parler|discuter) (?:a|avec) (?:un |une |quelqu un|un vrai )\w*|"
    r"hablar con (?:una? |alguien|el |la )\w*|parlare con (?:una? |qualcuno)\w*|"
    r"met (?:een |iemand)(?:\w+ )?(?:\w+ )?(?:praten|spreken)|falar com (?:uma? |alguem)\w*)"
)
# A visit, not a wish: "can I talk to someone in store about fitting a pack".
IN_SHOP: Final = re.compile(r"\b(?:in (?:a|the|your) (?:store|shop)|in store|in person)\b")


def wants_person(text: str) -> bool:
    """Whether ``text`` asks to be passed to a person."""
    words = _words(text)
    if not words or len(words) > MAX_WORDS:
        return False
    plain = " ".join(words)
    if len(words) <= MAX_WORDS_ALONE and ALONE.fullmatch(plain):
        return True
    if IN_SHOP.search(plain):
        return False
    return any(rule.search(plain) for rule in (REACHING, WANTING, NO_BOT, ABROAD))


def _words(text: str) -> list[str]:
    """Return the plain words: no case, accents, apostrophes or punctuation."""
    folded = unicodedata.normalize("NFKD", text.replace("qu'", "qu ").replace("qu\u2019", "qu "))
    plain = "".join(one for one in folded.casefold() if not unicodedata.combining(one))
    return re.findall(r"[^\W_]+", re.sub("['\u2019]", "", plain))
