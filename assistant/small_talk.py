"""Answers a message that is nothing but small talk; pure rules, no model asked."""

import re
import unicodedata
from functools import cache
from typing import Final

from assistant.phrases import FILLERS, PHRASES

MAX_WORDS = 16
LONGEST_PHRASE = 7
# A later kind wins where a message holds several: "hi, are you a bot?", "thanks, bye".
REPLIES: Final = {
    "greeting": "Hello! I'm the assistant of {site}. What can I help you with?",
    "well": "I'm here, thank you, and happy to help. What would you like to know?",
    "fine": "Good! If anything else comes up, just ask.",
    "thanks": "You're welcome! If anything else comes up, just ask.",
    "bye": "Goodbye, and take care! You can come back to this chat whenever you like.",
    "who": "I'm the automated assistant of {site}. Ask me what you would look up in its help "
    "articles; what I can't answer I pass on to a person.",
    "bot": "I'm an automated assistant: I answer from the help articles of {site}. If you "
    "would rather talk to a person, say so and I'll pass you on.",
}
KINDS: Final = tuple(REPLIES)
# Thumbs up, folded hands, hearts, faces that smile; any other sign alone says nothing.
GLAD: Final = frozenset(
    "\U0001f44d\U0001f44c\U0001f64f\U0001f44f\U0001f64c\U0001f600\U0001f601\U0001f603\U0001f604"
    "\U0001f605\U0001f606\U0001f60a\U0001f60d\U0001f642\U0001f970\U0001f929\U0001f917\U0001f389"
    "\U0001f973\U0001f4af\U0001f91d\U0001f495\U0001f496\U0001f499\U0001f49a\U0001f49b\U0001f49c"
    "\u2764\u2665\u2705\u2714\u263a\U0001f60e\U0001f609\U0001f60b\U0001f607\U0001f618"
)
SMILEY: Final = re.compile(r"[:;=]['^]?-?[)\]*]|<3|\^_?\^")
# Who is there: "are you a real person", "am I talking to a bot or a human".
ARE_YOU_A_BOT: Final = re.compile(
    r"(?:are you|r u|is this|am i (?:talking|speaking|chatting) (?:to|with))"
    r"(?: (?:an?|the|just|really|actually|some|kind|of|only|real|live|actual|virtual|automated|or"
    r"|chat|bot|chatbot|robot|human|person|machine|computer|ai|being|assistant|program)\b)+"
)
BOT_WORDS: Final = frozenset(
    {"bot", "chatbot", "robot", "human", "person", "machine", "computer", "ai", "assistant"}
)


def small_talk_reply(text: str, *, site_name: str) -> str | None:
    """Return the reply to ``text`` if greetings, thanks and the like are all it says."""
    kinds = _kinds(text)
    if not kinds:
        return None
    return REPLIES[max(kinds, key=KINDS.index)].format(site=site_name)


def _kinds(text: str) -> set[str]:
    """Return the kinds of small talk in ``text``; none if anything else is said."""
    words = plain_words(SMILEY.sub(" ", text))
    if not words:
        is_glad = any(one in GLAD for one in text) or SMILEY.search(text)
        return {"fine"} if is_glad else set()
    if len(words) > MAX_WORDS:
        return set()
    plain = " ".join(words)
    asked = ARE_YOU_A_BOT.search(plain)
    kinds: set[str] = set()
    if asked and not BOT_WORDS.isdisjoint(asked[0].split()):
        kinds.add("bot")
        words = plain.replace(asked[0], " ", 1).split()
    while words:
        length, kind = _leading_phrase(words)
        if not length:
            return set()
        kinds |= {kind} if kind else set()
        words = words[length:]
    return kinds


@cache
def _kind_by_phrase() -> dict[str, str]:
    return {
        " ".join(plain_words(phrase)): kind
        for kind, block in PHRASES.items()
        for phrase in block.split("|")
    }


def plain_words(text: str) -> list[str]:
    """Return the plain words: no case, accents or punctuation, "hiiii" as "hi"."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(one for one in folded if not unicodedata.combining(one) and one not in "'\u2019")
    return re.findall(r"[^\W_]+", re.sub(r"([a-z])\1{2,}", r"\1", kept))


def _leading_phrase(words: list[str]) -> tuple[int, str]:
    """Return how many words the longest known phrase in front has, and its kind."""
    for length in range(min(LONGEST_PHRASE, len(words)), 0, -1):
        kind = _kind_by_phrase().get(" ".join(words[:length]))
        if kind:
            return length, kind
    return (1, "") if words[0] in FILLERS else (0, "")
