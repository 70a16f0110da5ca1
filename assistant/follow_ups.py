"""Puts a follow-up ("and for shoes?") in full, so that it can be looked up; changes nothing else.

By the small model where there is a key, else by rules, with the question before it.
"""

import logging
import re
from dataclasses import dataclass
from typing import Final

from assistant.budget import Purpose
from assistant.prompt_library import load_prompt
from assistant.redaction import Redactor
from assistant.spending import spending
from llm.engines import MAX_SHORT_TOKENS, complete, has_small_model
from llm.errors import ModelError
from llm.types import ChatMessage
from llm.words import STOP_WORDS, find_words

logger = logging.getLogger(__name__)
REWRITE_SECONDS = 2.0
MAX_WORDS = 14
MAX_QUESTION_CHARACTERS = 300
MAX_TURN_CHARACTERS = 500
# A message that says as much stands for itself, whatever it refers to besides.
MAX_CONTENT_WORDS = 4
MAX_FRAGMENT_WORDS = 4
MAX_BARE_WORDS = 2
# "And can I pay in instalments?" has two words of content, "and to Canada?" one.
ENOUGH_WORDS = 2

OPENING: Final = re.compile(
    r"(?:and|n|or|but|so|also|plus|then|what about|how about|wbt|hbu|what if|what when|same for|"
    r"is it the same|the same|in that case|why|how come|how so|since when|until when|really|"
    r"are you sure|how long|how much|how many|how often|which one|which ones|where|when|who|"
    r"for how long|even if|even for|even when|except|including|not even|only|what else|any other|"
    r"und|oder|aber|auch|was ist mit|wie ist es mit|et|mais|et pour|y|pero|y para|e|ma)\b"
)
# Words that stand for something said before; "it" and "there" also fill in ("is it possible").
_POINTING = (
    "it its they them their theirs that this those these ones he she him her there both either "
    "neither others"
)
POINTING: Final = frozenset(_POINTING.split())
FILLED_IN: Final = re.compile(
    r"\b(?:is|was|will|would|does|can|how long (?:does|will)) (?:it|there) (?:be|take|an?|any|to|"
    r"possible|ok|okay|true|normal|allowed)\b|\bthere (?:is|are)\b|\b(?:is|are) there\b|"
    r"\bthis (?:chat|site|website|shop|store|weekend|week|year|month|morning)\b"
)
# These open a whole question as often: "how much is shipping".
ASKING: Final = re.compile(
    r"(?:how (?!about|come|so)|where|when|who|why|which (?!ones?)|only|any other)\b"
)
FRAGMENT: Final = re.compile(
    r"(?:for|in|to|from|with|without|on|at|by|after|before|if|during|within|outside|under|"
    r"over|via|using|through|f\u00fcr|mit|ohne|nach|pour|avec|sans|para|con|sin)\b"
)


@dataclass(frozen=True, slots=True)
class Context:
    """What was said before the question: the customer's last full question, what was cited then.

    ``said`` holds the last messages as ``(is_customer, text)``, oldest first.
    """

    question: str = ""
    title: str = ""
    said: tuple[tuple[bool, str], ...] = ()


def is_follow_up(text: str) -> bool:
    """Whether ``text`` may need the question before it to be understood."""
    words = find_words(text)
    if not words or len(words) > MAX_WORDS:
        return False
    plain = " ".join(words)
    content = [word for word in words if _has_content(word)]
    if not content:
        return True
    if _points_back(plain):
        return len(content) <= MAX_CONTENT_WORDS
    if OPENING.match(plain) and (not ASKING.match(plain) or len(words) <= MAX_BARE_WORDS):
        return len(content) <= MAX_CONTENT_WORDS
    return bool(FRAGMENT.match(plain)) and len(content) < MAX_FRAGMENT_WORDS


def says_enough(text: str) -> bool:
    """Whether a follow-up, where an article answers its own words, needs no others."""
    return sum(map(_has_content, find_words(text))) >= ENOUGH_WORDS


def needs_rewriting(text: str, *, context: Context) -> bool:
    """Whether ``text`` is to be put in full, and there is something to do it by."""
    return bool(context.question) and is_follow_up(text)


def _has_content(word: str) -> bool:
    return word not in STOP_WORDS and word not in POINTING


def _points_back(plain: str) -> bool:
    """Whether a word stands for something that the text itself did not name before."""
    words = FILLED_IN.sub(" ", plain).split()
    places = [place for place, word in enumerate(words) if word in POINTING]
    return bool(places) and sum(map(_has_content, words[: places[0]])) <= 1


def rewrite_by_rules(text: str, *, context: Context) -> tuple[str, ...]:
    """Return what to look up for a follow-up: with the question before it, with its article."""
    joined = f"{context.question.rstrip(' ?!.')}, {text}"
    titled = (f"{context.title}: {text}",) if context.title else ()
    return (joined, *titled)


async def standalone_questions(
    text: str, *, context: Context, purpose: Purpose, redactor: Redactor
) -> tuple[str, ...]:
    """Return what to look up for ``text``, itself first; more only where it is a follow-up.

    Asks the small model for 2 s at most, with ``redactor``'s placeholders; no transaction may
    be open around this.
    """
    if not needs_rewriting(text, context=context):
        return (text,)
    rewritten = await _rewrite_by_model(text, context=context, purpose=purpose, redactor=redactor)
    return (text, rewritten) if rewritten else (text, *rewrite_by_rules(text, context=context))


async def _rewrite_by_model(
    text: str, *, context: Context, purpose: Purpose, redactor: Redactor
) -> str:
    """Return the question in full, "" where no model gave one that can be used."""
    if not has_small_model():
        return ""
    said = [
        ChatMessage(
            "user" if is_customer else "assistant", redactor.redact(words)[:MAX_TURN_CHARACTERS]
        )
        for is_customer, words in context.said
    ]
    rules = load_prompt("rewrite").render()
    asked = ChatMessage("user", redactor.redact(text))
    prompt = (ChatMessage("system", rules), *said, asked)
    # Bytes, not tokens: an upper bound that costs nothing.
    size = sum(len(message.content.encode()) for message in prompt)
    async with spending(
        purpose, prompt_tokens=size, max_completion_tokens=MAX_SHORT_TOKENS
    ) as spent:
        if spent.tier is None:
            return ""
        try:
            answer = await complete(prompt, seconds=REWRITE_SECONDS, tier=spent.tier)
        except ModelError as error:
            logger.info("follow-up not rewritten: %s", error)
            spent.note(error.usage)
            return ""
        spent.note(answer.usage)
    one_line = redactor.restore(" ".join(answer.text.split()))
    return one_line if len(one_line) <= MAX_QUESTION_CHARACTERS else ""
