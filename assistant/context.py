"""Puts a prompt together within a budget of tokens, its unchanging parts first.

The order serves the provider's cache of prefixes: the policy is the same for a site, the
background seldom changes, the messages only grow; what was looked up comes last.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, takewhile
from typing import Final

from assistant.history import Said, first_kept, to_summarise
from assistant.prompt_library import Prompt, canary
from conversations.models import Message
from llm.tokens import factor_of, raw_tokens
from llm.types import ChatMessage, SourcePassage, Tier, ToolSpec

BUDGETS: Final[Mapping[Tier, int]] = {"small": 3_000, "standard": 6_000, "strong": 12_000}
# Of the budget; what is left is the policy's, the records' and the tools'.
QUESTION_SHARE, PASSAGES_SHARE, HISTORY_SHARE = 0.35, 0.4, 0.25
SUMMARY_SHARE, LEARNT_SHARE = 0.08, 0.04
MAX_MESSAGE_CHARACTERS = 1_000
# So much of a message is looked at for personal data, which takes longer than all else here. What
# stands across that cut may not be seen for what it is: so near to it no plain words are shown.
LOOKED_AT, UNSURE = 1_600, 600
MAX_PASSAGE_CHARACTERS = 2_400
# What the API adds around each message, and once around all.
MESSAGE_TOKENS, REPLY_TOKENS = 4, 3
# In an episode without end the first message that is looked at moves in steps, too.
MOST_MESSAGES, STEP = 300, 100
SHORTENED_PASSAGES, SHORTENED_CHARACTERS = 2, 2_000
CLIPPED = " […]"
OUR_MARKS: Final = re.compile(
    r"<(?=\s*+/?\s*+(?:passages|question|background|notes|messages)\b)", re.IGNORECASE
)
Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Summary:
    """What was said up to ``through_seq``, redacted when it was made."""

    through_seq: int
    text: str


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that a prompt may be made of.

    ``history`` is all that was said in the episode before the question, oldest first;
    ``records`` what the company knows of a verified customer; ``learnt`` what the customer said
    earlier; ``summaries`` the versions there are, oldest first.
    """

    site_name: str
    prompt: Prompt
    question: str
    passages: tuple[SourcePassage, ...] = ()
    history: tuple[Said, ...] = ()
    records: Mapping[str, str] = field(default_factory=dict)
    learnt: tuple[str, ...] = ()
    summaries: tuple[Summary, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """A prompt, and what became of its material.

    ``tokens`` is what the request should cost, tools included; ``shares`` says how many of them
    each part has and ``left_out`` how many pieces of it found no room. ``passages`` are those in
    the prompt, in its numbering from 1. ``wants_summary``: what is dropped, or soon will be, is
    in no summary yet.
    """

    messages: tuple[ChatMessage, ...]
    tokens: int
    shares: Mapping[str, int]
    left_out: Mapping[str, int]
    passages: tuple[SourcePassage, ...]
    wants_summary: bool


def build_context(
    material: Material,
    *,
    tier: Tier,
    structured: bool,
    model: str,
    tools: Sequence[ToolSpec] = (),
    redact: Redact = str,
) -> Context:
    """Return the prompt for ``material`` within the tier's budget.

    ``redact`` is given the customer's words, the oldest first, so that its placeholders are the
    same in each turn. Counting loads a vocabulary once: not on an event loop.
    """
    redacted = _redacted(material, redact)
    parts = _Parts(redacted, tier=tier, structured=structured, model=model)
    parts.unseen = len(material.history) - len(redacted.history)
    parts.tools = parts.count(_tools_text(tools))
    while parts.total() > BUDGETS[tier] and parts.give_up_one():
        pass
    return parts.context()


def history_share(tier: Tier) -> int:
    """Return how many tokens of messages a tier's prompt holds."""
    return int(BUDGETS[tier] * HISTORY_SHARE)


def redacted_history(history: Sequence[Said], redact: Redact) -> tuple[Said, ...]:
    """Return messages as prompts hold them: the newest few hundred, redacted, clipped, harmless."""
    newest = history[max(0, (len(history) - MOST_MESSAGES) // STEP * STEP) :]
    return tuple(
        replace(one, text=_clip(as_data(_redacted_text(one.text, redact)), MAX_MESSAGE_CHARACTERS))
        for one in newest
    )


def _redacted_text(text: str, redact: Redact) -> str:
    """Return a message's text without personal data, of a long one no more than is shown."""
    if len(text) <= LOOKED_AT:
        return redact(text)
    beginning = text[:LOOKED_AT]
    redacted = redact(beginning)
    plain = _shared_end(beginning[-UNSURE:], redacted[-UNSURE:])
    return redacted[: len(redacted) - plain] + CLIPPED


def _shared_end(one: str, other: str) -> int:
    """Return how many characters at their ends two texts have in common."""
    pairs = zip(reversed(one), reversed(other), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


def shorten(material: Material) -> Material:
    """Return material for one more try after the upstream said that the prompt was too long."""
    return replace(
        material,
        question=_clip(material.question, SHORTENED_CHARACTERS),
        passages=material.passages[:SHORTENED_PASSAGES],
        history=(),
        learnt=(),
        summaries=(),
    )


class _Parts:
    """A prompt in the making: what each part holds now, and what it was offered."""

    def __init__(self, material: Material, *, tier: Tier, structured: bool, model: str) -> None:
        self._material, self._model, self._structured = material, model, structured
        self._budget = BUDGETS[tier]
        self.tools = self.unseen = 0
        self._policy = material.prompt.render(
            site=material.site_name, canary=canary(), structured=structured
        )
        self._question = self._fit(material.question, QUESTION_SHARE)
        self._passages = list(self._first_passages())
        self._learnt = list(self._first_learnt())
        self._offered = [one for one in material.history if one.kind != Message.Author.SYSTEM]
        counts = [self.count(one.text) + MESSAGE_TOKENS for one in self._offered]
        share = history_share(tier)
        first = first_kept(counts, share=share)
        self._history = self._offered[first:]
        self._summary = self._fit(self._summary_of(self._offered[:first]), SUMMARY_SHARE)
        covered = material.summaries[-1].through_seq if material.summaries else 0
        summarised = sum(one.seq <= covered for one in self._offered)
        self._wants_summary = to_summarise(counts, share=share, summarised=summarised) > 0

    def count(self, text: str) -> int:
        """Return the tokens of a text before any correction: the cuts must not move with it."""
        return raw_tokens(text, model=self._model) if text else 0

    def total(self) -> int:
        """Return what the request should cost."""
        messages = self._messages()
        said = sum(self.count(one.content) for one in messages) + MESSAGE_TOKENS * len(messages)
        return self._corrected(said + REPLY_TOKENS + self.tools)

    def give_up_one(self) -> bool:
        """Leave out the piece that matters least; False where nothing is left to leave out."""
        if self._learnt:
            self._learnt.pop()
        elif self._summary:
            self._summary = ""
        elif self._history:
            self._history.pop(0)
        elif len(self._passages) > 1:
            self._passages.pop()
        else:
            return False
        return True

    def context(self) -> Context:
        """Return what was made."""
        material = self._material
        return Context(
            messages=self._messages(),
            tokens=self.total(),
            shares={name: self._corrected(count) for name, count in self._counts().items()},
            left_out={
                "passages": len(material.passages) - len(self._passages),
                "messages": self.unseen + len(self._offered) - len(self._history),
                "learnt": len(material.learnt) - len(self._learnt),
            },
            passages=tuple(self._passages),
            wants_summary=self._wants_summary,
        )

    def _counts(self) -> dict[str, int]:
        return {
            "policy": self.count(self._policy),
            "records": self.count(self._records()),
            "passages": sum(self.count(text) for text in self._passage_texts()),
            "question": self.count(self._question),
            "messages": sum(self.count(one.text) for one in self._history),
            "summary": self.count(self._summary),
            "learnt": self.count("\n".join(self._learnt)),
            "tools": self.tools,
        }

    def _corrected(self, count: int) -> int:
        return round(count * factor_of(self._model))

    def _first_passages(self) -> Sequence[SourcePassage]:
        """Return the passages that fit whole, best first; the best one always does."""
        texts = [_clip_passage(one.text) for one in self._material.passages]
        sums = accumulate(self.count(text) for text in texts)
        fitting = sum(total <= self._budget * PASSAGES_SHARE for total in sums)
        return self._material.passages[: max(1, fitting)]

    def _first_learnt(self) -> Sequence[str]:
        sums = accumulate(self.count(text) for text in self._material.learnt)
        fitting = sum(total <= self._budget * LEARNT_SHARE for total in sums)
        return self._material.learnt[:fitting]

    def _summary_of(self, dropped: Sequence[Said]) -> str:
        """Return the oldest summary that covers what was dropped: a newer one changes nothing."""
        summaries = self._material.summaries
        if not dropped or not summaries:
            return ""
        covering = (one.text for one in summaries if one.through_seq >= dropped[-1].seq)
        return next(covering, summaries[-1].text)

    def _fit(self, text: str, share: float) -> str:
        tokens, room = self.count(text), int(self._budget * share)
        return text if tokens <= room else _clip(text, len(text) * room // tokens)

    def _messages(self) -> tuple[ChatMessage, ...]:
        background = self._background()
        return (
            ChatMessage("system", self._policy),
            *([ChatMessage("user", background)] if background else []),
            *(
                ChatMessage(
                    "user" if one.kind == Message.Author.CUSTOMER else "assistant", one.text
                )
                for one in self._history
            ),
            ChatMessage("user", self._asked()),
        )

    def _background(self) -> str:
        """Return what is known besides, as data: never with the authority of the policy."""
        learnt = "\n".join(f"- {one}" for one in self._learnt)
        parts = {
            "The company's records of this customer:": self._records(),
            "What the customer said earlier, not verified:": learnt,
            "Summary of what was said before the messages below:": self._summary,
        }
        texts = [f"{title}\n{as_data(text)}" for title, text in parts.items() if text]
        return "\n".join(["<background>", *texts, "</background>"]) if texts else ""

    def _records(self) -> str:
        return "\n".join(f"- {name}: {value}" for name, value in self._material.records.items())

    def _passage_texts(self) -> list[str]:
        mark = "p" if self._structured else ""
        return [
            f"[{mark}{number}] {one.title} > {one.heading}\n{_clip_passage(one.text)}"
            for number, one in enumerate(self._passages, start=1)
        ]

    def _asked(self) -> str:
        passages = as_data("\n\n".join(self._passage_texts()))
        return (
            f"<passages>\n{passages}\n</passages>\n\n"
            f"<question>\n{as_data(self._question)}\n</question>"
        )


def _redacted(material: Material, redact: Redact) -> Material:
    """Return the material without personal data; summaries were made without."""
    return replace(
        material,
        history=redacted_history(material.history, redact),
        question=redact(material.question),
        records={name: redact(value) for name, value in material.records.items()},
        learnt=tuple(redact(one) for one in material.learnt),
    )


def _tools_text(tools: Sequence[ToolSpec]) -> str:
    if not tools:
        return ""
    return json.dumps([[one.name, one.description, one.parameters] for one in tools])


def _clip_passage(text: str) -> str:
    """Return a passage as the prompt holds it."""
    return _clip(text, MAX_PASSAGE_CHARACTERS)


def _clip(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + CLIPPED


def as_data(text: str) -> str:
    """Return text that can't end the part of the prompt that it stands in."""
    return OUR_MARKS.sub("\u2039", text)
