"""Decides how much of a streamed answer may be shown already, and stops one that breaks a rule.

Nothing here asks a model, a database or the network. What is looked at while it streams: marks,
links, placeholders, the prompt's own words, personal data. At each sentence's end: personal data,
promises, and whether the sources hold what is claimed.
"""

import re
from collections.abc import Collection, Sequence

from assistant.asking_back import is_brief_question
from assistant.guardrails import (
    MIN_GROUNDED,
    Sources,
    content_words,
    groundedness_in,
    signs_of,
)
from assistant.holding_back import HoldBack, hosts_of
from assistant.leaks import LeakWatch
from assistant.promises import OutputRule, begins_to_commit, broken_rule, may_commit
from assistant.redaction import PLACEHOLDER, Span, find_spans
from assistant.sentences import sentence_end
from assistant.violations import OutputViolation, ViolationKind
from llm.types import SourcePassage

__all__ = ["OutputGuard", "OutputRule", "OutputViolation", "ViolationKind"]

PERSONAL = frozenset({"EMAIL", "PHONE", "CARD", "CVV", "IBAN", "NATIONAL_ID", "CREDENTIALS"})
# A sentence that shares less with its sources is an invention, one with so few words a link
# between others ("Here is how:").
MIN_SENTENCE_GROUNDED = 0.25
MIN_CLAIM_WORDS = 5
# A phone number is the same with and without its country's code.
SAME_DIGITS = 7
_MAY_BE_PERSONAL = re.compile(r"@|\d(?:\D{0,4}\d){5}| at .+ dot ", re.IGNORECASE)
_ENDS_PERSONAL = re.compile(r"[@\d]")
# How far back a number that ends now may begin, an address, and the words that say what it is.
NUMBER_REACH, ADDRESS_REACH, CONTEXT_REACH = 90, 800, 90
COMMITMENT_REACH = 300
# A look begins behind a word, never within a number: a part of one may look like another.
_WORD_END = re.compile(r"[^\W\d]\s")
_ENDED = re.compile(r"[.!?:\u2026\u3002\uff01\uff1f][\"'\u201d\u2019)\]*_\s]*\Z")
_COURTESY = re.compile(
    r"let me know|anything else|(?:happy|glad|here) to help|sorry|apolog|thank|hope (?:this|that)|"
    r"feel free|reach out|great question|enjoy|welcome|i am an ai|i'm an ai|virtual assistant|"
    r"looked (?:it|that|this) up|i (?:can|could) not find|i (?:can't|couldn't|cannot|don't)",
    re.IGNORECASE,
)


class OutputGuard:
    """Feed it the model's pieces; it returns what may be shown, in order and without loss."""

    def __init__(
        self,
        *,
        canary: str,
        instructions: str,
        passages: Sequence[SourcePassage],
        said: Sequence[str] = (),
        rules: Sequence[OutputRule] = (),
        known_personal: frozenset[str] = frozenset(),
        hold_sentences: bool = False,
        link_hosts: Collection[str] = (),
    ) -> None:
        """``said`` is what tools returned and the company said, never the customer's words.

        ``known_personal`` is the customer's own data. ``link_hosts`` may be linked to besides
        the passages' own hosts.
        """
        self._sources = Sources(passages, said)
        hosts = hosts_of(one.url for one in passages) | set(link_hosts)
        self._whole = HoldBack(hosts=hosts, sources=self._sources.text)
        self._leaks = LeakWatch(canary=canary, instructions=instructions)
        self._rules, self._holds = rules, hold_sentences
        self._known = known_personal
        # Whether a mere question for a detail, which no source holds, is no invention.
        self.may_ask = False
        self._known_signs = "\n".join(map(signs_of, known_personal))
        # The sentence that is being written, how much of it was shown, and all before it.
        self._sentence, self._shown = "", 0
        self._may_commit = self._has_committed = False
        # How much of the sentence was looked at for the beginning of a promise.
        self._looked = 0
        self._passed: list[str] = []
        self.groundedness = 0.0

    @property
    def cited(self) -> list[int]:
        """The passages' numbers in the marks that were taken out."""
        return self._whole.cited

    def feed(self, piece: str) -> str:
        """Return the text that ``piece`` made showable; raise ``OutputViolation``."""
        return self._gate(self._leaks.feed(self._whole.feed(piece)))

    def finish(self) -> str:
        """Return what is left at the stream's end, and judge the whole; raise likewise."""
        rest = self._leaks.feed(self._whole.finish()) + self._leaks.finish()
        shown = self._gate(rest) + self._take(len(self._sentence))
        self._check_whole("".join(self._passed))
        return shown.rstrip()

    def _gate(self, text: str) -> str:
        """Return what may be shown of the text so far; whole sentences are checked."""
        if not text:
            return ""
        looked_at = max(0, len(self._sentence) - 20)
        self._sentence += text
        if _ENDS_PERSONAL.search(text):
            self._check_newest(len(text))
        shown = ""
        while (end := sentence_end(self._sentence, start=looked_at)) is not None:
            shown += self._take(end)
            looked_at = 0
        if not self._holds and not self._commits(text):
            shown += self._sentence[self._shown :]
            self._shown = len(self._sentence)
        return shown

    def _commits(self, text: str) -> bool:
        """Whether the sentence that ``text`` is added to promises: it is held to its end then."""
        if self._has_committed or not self._rules:
            return self._has_committed
        if not (self._may_commit or may_commit(self._sentence[-len(text) - 8 :])):
            return False
        self._may_commit = True
        start = max(0, self._looked - COMMITMENT_REACH)
        before = "" if start else self._broken_off()[-COMMITMENT_REACH:]
        self._looked = len(self._sentence)
        self._has_committed = begins_to_commit(before + self._sentence[start:])
        return self._has_committed

    def _take(self, end: int) -> str:
        """Check the sentence up to ``end``; return what of it was not shown yet."""
        sentence = self._sentence[:end]
        self._check_sentence(sentence)
        unshown = sentence[self._shown :]
        self._passed.append(sentence)
        self._sentence, self._shown = self._sentence[end:], max(0, self._shown - end)
        self._has_committed, self._looked = False, 0
        self._may_commit = may_commit(self._broken_off() + self._sentence)
        return unshown

    def _check_sentence(self, sentence: str) -> None:
        self._check_personal(sentence)
        self._check_promise(self._broken_off() + sentence)
        if self._is_invented(sentence):
            raise OutputViolation("ungrounded", "A sentence that the sources do not hold")

    def _broken_off(self) -> str:
        """Return the line before, where it ended without the end of a sentence."""
        return "" if not self._passed or _ENDED.search(self._passed[-1]) else self._passed[-1]

    def _check_newest(self, length: int) -> None:
        """Check what may end in the last ``length`` characters; all before was checked already."""
        new = self._sentence[-length:]
        reach = CONTEXT_REACH + (ADDRESS_REACH if "@" in new else NUMBER_REACH)
        start = _window_start(self._sentence, length + reach)
        # What is said before the first ones is cut off, and they were looked at with it.
        self._check_personal(self._sentence[start:], start=CONTEXT_REACH if start else 0)

    def _check_personal(self, text: str, *, start: int = 0) -> None:
        for span in _find_personal(text):
            if span.start >= start and not self._is_known(text[span.start : span.end]):
                raise OutputViolation("personal", span.type)

    def _is_known(self, value: str) -> bool:
        signs = signs_of(value)
        if any(signs in known for known in (self._known_signs, self._sources.signs)):
            return True
        digits = "".join(filter(str.isdigit, value))
        is_number = len(digits) >= SAME_DIGITS and "@" not in value
        return is_number and digits[-SAME_DIGITS:] in self._sources.signs

    def _check_promise(self, text: str) -> None:
        rule = broken_rule(text, rules=self._rules, sources=self._sources)
        if rule is not None:
            raise OutputViolation("promise", rule.name)

    def _is_invented(self, sentence: str) -> bool:
        claim = self._claim(sentence)
        if not self._sources.holds_numbers_of(claim):
            return True
        words = content_words(claim)
        if len(words) < MIN_CLAIM_WORDS or claim.rstrip("*_ \n").endswith((":", "?")):
            return False
        return self._sources.share_of(words) < MIN_SENTENCE_GROUNDED and not _COURTESY.search(claim)

    def _claim(self, text: str) -> str:
        """Return a text without personal data, which was looked at by itself."""
        for value in self._known:
            text = text.replace(value, " ")
        for span in reversed(_find_personal(text)):
            text = f"{text[: span.start]} {text[span.end :]}"
        return PLACEHOLDER.sub(" ", text)

    def _check_whole(self, text: str) -> None:
        """Judge the answer as a whole by its share of words."""
        self.groundedness = groundedness_in(self._claim(text), sources=self._sources)
        is_claim = bool(text.strip()) and not (self.may_ask and is_brief_question(text))
        if is_claim and self.groundedness < MIN_GROUNDED:
            raise OutputViolation("ungrounded", "The answer was not covered by the articles")


def _window_start(text: str, length: int) -> int:
    """Return where a look at the last ``length`` characters begins, or a little before."""
    latest = len(text) - length
    ends = _WORD_END.finditer(text, max(0, latest - CONTEXT_REACH), max(0, latest))
    return max((match.end() for match in ends), default=max(0, latest - CONTEXT_REACH))


def _find_personal(text: str) -> list[Span]:
    if not _MAY_BE_PERSONAL.search(text):
        return []
    return [span for span in find_spans(text) if span.type in PERSONAL]
