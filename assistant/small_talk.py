"""Answers a message that is nothing but small talk; pure rules, no model asked."""

import re
import unicodedata
from typing import Final

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
PHRASES: Final = {
    "greeting": """
        hi|hey|hello|hiya|howdy|yo|greetings|hi there|hey there|hello there|good morning
        |good afternoon|good evening|good day|morning|evening|hallo|hola|bonjour|ciao|salut|moin
        |guten tag|guten morgen|buenos dias|namaste|salaam""",
    "well": """
        how are you|how are you doing|how are you today|how are you doing today|how is it going
        |hows it going|how do you do|whats up|sup|nice to meet you|are you there|you there
        |anyone there|anybody there|is anyone there|is anybody there|is somebody there
        |is someone there|anyone here|is anyone here|can you help me|can you help
        |i need help|i need some help|i have a question|i have a quick question""",
    "fine": """
        ok|okay|k|great|perfect|cool|awesome|super|nice|wonderful|excellent|lovely|alright
        |got it|understood|i see|makes sense|sounds good|all good|good to know|that helps
        |that helped|that works|thats all|that is all|that was all|that was helpful|very helpful
        |youre great|you are great|no worries|nothing else|no thats all|no thats it|thats it""",
    "thanks": """
        thanks|thank you|thank u|thx|tnx|ty|tysm|cheers|many thanks|thanks a lot|thanks so much
        |thanks very much|thank you so much|thank you very much|thanks a bunch|thanks again
        |thank you again|much appreciated|i appreciate it|appreciate it|i appreciate your help
        |thanks for your help|thank you for your help|thanks for the help|thank you for the help
        |thanks for the info|thanks for your time|thank you for your time|thanks for helping
        |thanks for everything|thanks for that|thank you for that|no thanks|no thank you
        |for your help|for the help|for helping|for helping me|for your time
        |merci|gracias|danke|danke schon|grazie|obrigado|obrigada""",
    "bye": """
        bye|bye bye|goodbye|good bye|good night|see you|see ya|see you later|see you soon|cya
        |farewell|take care|have a nice day|have a good day|have a great day|have a good one
        |have a nice weekend|have a good weekend|have a nice evening|adios|au revoir|tschuss""",
    "who": """
        who are you|what are you|what is your name|whats your name|do you have a name
        |what can you do|what can you help with|what can you help me with|how can you help
        |how can you help me|what do you do|who am i talking to|who am i speaking to
        |who am i speaking with|who am i chatting with|who is this|introduce yourself""",
    "bot": "are you real|are you for real|are you alive|do you use ai|are you chatgpt",
}
_FILLERS = """again and all bot but dear everyone folks friend guys just later madam mate much now
oh please really sir so team then there today um very wait well"""
FILLERS: Final = frozenset(_FILLERS.split())
# Who is there: "are you a real person", "am I talking to a bot or a human".
ARE_YOU_A_BOT: Final = re.compile(
    r"(?:are you|r u|is this|am i (?:talking|speaking|chatting) (?:to|with))"
    r"(?: (?:an?|the|just|really|actually|some|kind|of|only|real|live|actual|virtual|automated|or"
    r"|chat|bot|chatbot|robot|human|person|machine|computer|ai|being|assistant|program)\b)+"
)
BOT_WORDS: Final = frozenset(
    {"bot", "chatbot", "robot", "human", "person", "machine", "computer", "ai", "assistant"}
)
BY_PHRASE: Final = {
    phrase.strip(): kind for kind, block in PHRASES.items() for phrase in block.split("|")
}


def small_talk_reply(text: str, *, site_name: str) -> str | None:
    """Return the reply to ``text`` if greetings, thanks and the like are all it says."""
    kinds = _kinds(text)
    if not kinds:
        return None
    return REPLIES[max(kinds, key=KINDS.index)].format(site=site_name)


def _kinds(text: str) -> set[str]:
    """Return the kinds of small talk in ``text``; none if anything else is said."""
    words = _words(text)
    if not words:
        return {"fine"} if any(unicodedata.category(one) == "So" for one in text) else set()
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


def _words(text: str) -> list[str]:
    """Return the plain words: no case, accents or punctuation, "hiiii" as "hi"."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(one for one in folded if not unicodedata.combining(one) and one not in "'\u2019")
    return re.findall(r"[^\W_]+", re.sub(r"([a-z])\1{2,}", r"\1", kept))


def _leading_phrase(words: list[str]) -> tuple[int, str]:
    """Return how many words the longest known phrase in front has, and its kind."""
    for length in range(min(LONGEST_PHRASE, len(words)), 0, -1):
        kind = BY_PHRASE.get(" ".join(words[:length]))
        if kind:
            return length, kind
    return (1, "") if words[0] in FILLERS else (0, "")
