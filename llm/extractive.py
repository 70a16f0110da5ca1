"""The engine without a model: it quotes the passages that answer, and never writes a word more.

No network and no state. What it can't find it hands off.
"""

import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from itertools import groupby

from llm.excerpts import Excerpt, split_excerpts
from llm.types import Finished, ReplyEvent, ReplyRequest, SourcePassage, TextDelta, ToolCallRequest
from llm.words import find_stems

HAND_OFF_TOOL_NAME = "request_hand_off"

MAX_EXCERPTS = 4
# A passage this close to the best one may hold the answer as well.
NEAR_TOP = 0.85
# An excerpt this close to the best one belongs to the answer.
NEAR_BEST = 0.6
# A word of the heading says what the text is about, but not that it answers.
HEADING_WEIGHT = 0.5
# A question for a time or a price is answered by what holds a number.
FIGURE_FACTOR = 1.3
# Paragraphs up to this size are quoted whole: their conditions stay with their promise.
SHORT_PARAGRAPH = 3
WORDS_PER_DELTA = 4
ARROW = " \u203a "

_MARKUP = re.compile(r"([\\`*_\[\]<>])")
_ASKS_FOR_FIGURE = re.compile(
    r"\b(?:when|how (?:long|many|much|soon|often|late|fast)|what time|cost|costs|price|fee)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")
_REFERS_BACK = re.compile(
    r"(?:It|They|This|That|These|Those|He|She|However|But|Otherwise|If so|If not|Then)\b"
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A passage cut into excerpts, with the stems of each."""

    passage: SourcePassage
    excerpts: tuple[Excerpt, ...]
    own: tuple[frozenset[str], ...]
    above: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class _Query:
    """What the question looks for: its stems with their weights."""

    weights: dict[str, float]
    wants_figure: bool

    def weigh(self, stems: frozenset[str]) -> float:
        return sum(weight for stem, weight in self.weights.items() if stem in stems)


class ExtractiveEngine:
    """Quotes one to four sentences, lists or tables of the best passages."""

    name = "extractive"

    async def stream_reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Stream the quotation, or a hand-off when the passages hold no answer."""
        answer = compose_answer(request) if request.answerable else ""
        if not answer:
            yield ToolCallRequest(
                call_id="extractive",
                name=HAND_OFF_TOOL_NAME,
                arguments={"reason": "low_confidence"},
            )
            yield Finished("tool_calls")
            return
        for piece in split_deltas(answer):
            yield TextDelta(piece)
        yield Finished("stop")


def compose_answer(request: ReplyRequest) -> str:
    """Return the answer in Markdown, "" when no passage near the top speaks of the question."""
    wanted = find_stems(request.question, locale=request.locale)
    near = _keep_near_top(request.passages)
    candidates = [_make_candidate(passage, locale=request.locale) for passage in near]
    query = _Query(
        weights=_weigh_stems(candidates, wanted=wanted),
        wants_figure=bool(_ASKS_FOR_FIGURE.search(request.question)),
    )
    chosen = _choose_candidates(candidates, query=query)
    parts = [_render(candidate, query=query) for candidate in chosen]
    return "\n\n".join(part for part in parts if part)


def split_deltas(text: str) -> list[str]:
    """Cut a text into groups of words; joined they are the text."""
    words = re.findall(r"\s*\S+\s*", text)
    return [
        "".join(words[start : start + WORDS_PER_DELTA])
        for start in range(0, len(words), WORDS_PER_DELTA)
    ]


def _keep_near_top(passages: Sequence[SourcePassage]) -> list[SourcePassage]:
    top = max((passage.score for passage in passages), default=0.0)
    return [passage for passage in passages if passage.score >= top * NEAR_TOP]


def _make_candidate(passage: SourcePassage, *, locale: str) -> _Candidate:
    excerpts = split_excerpts(passage.text)
    general = f"{passage.title} {passage.heading}"
    return _Candidate(
        passage=passage,
        excerpts=excerpts,
        own=tuple(find_stems(excerpt.text, locale=locale) for excerpt in excerpts),
        above=tuple(
            find_stems(f"{general} {excerpt.heading}", locale=locale) for excerpt in excerpts
        ),
    )


def _weigh_stems(candidates: Sequence[_Candidate], *, wanted: frozenset[str]) -> dict[str, float]:
    """Return the inverse document frequency of each wanted stem, an excerpt as the document.

    The form that never turns negative, as in Lucene's BM25.
    """
    documents = [
        own | above
        for candidate in candidates
        for own, above in zip(candidate.own, candidate.above, strict=True)
    ]
    counts = Counter(stem for document in documents for stem in document & wanted)
    total = len(documents)
    return {
        stem: math.log(1 + (total - count + 0.5) / (count + 0.5)) for stem, count in counts.items()
    }


def _choose_candidates(candidates: Sequence[_Candidate], *, query: _Query) -> list[_Candidate]:
    """Return the passage that covers most of the question, and one more of its article."""
    ranked = sorted(
        (candidate for candidate in candidates if _coverage(candidate, query=query) > 0),
        key=lambda candidate: (_coverage(candidate, query=query), candidate.passage.score),
        reverse=True,
    )
    if not ranked:
        return []
    best = ranked[0]
    needed = NEAR_TOP * _coverage(best, query=query)
    others = [
        candidate
        for candidate in ranked[1:]
        if _article(candidate) == _article(best) and _coverage(candidate, query=query) >= needed
    ]
    return [best, *others[:1]]


def _article(candidate: _Candidate) -> tuple[str, str]:
    return candidate.passage.title, candidate.passage.url.partition("#")[0]


def _coverage(candidate: _Candidate, *, query: _Query) -> float:
    """Weigh what the passage speaks of; what its headings name as well counts more."""
    above = frozenset[str]().union(*candidate.above)
    found = above.union(*candidate.own)
    return query.weigh(found) + HEADING_WEIGHT * query.weigh(above)


def _render(candidate: _Candidate, *, query: _Query) -> str:
    indexes = _choose_excerpts(candidate, query=query)
    paragraphs = groupby(
        enumerate(indexes),
        # Neighbours of one paragraph share (index - rank): a gap starts a paragraph of its own.
        key=lambda pair: (candidate.excerpts[pair[1]].paragraph, pair[1] - pair[0]),
    )
    quotes = [
        " ".join(candidate.excerpts[index].text for _, index in group) for _, group in paragraphs
    ]
    return "\n\n".join([_lead(candidate.passage), *quotes])


def _lead(passage: SourcePassage) -> str:
    """Name the source by title and heading, which reads the same in every language."""
    names = [passage.title]
    if passage.heading and passage.heading != passage.title:
        names.append(passage.heading)
    escaped = (_MARKUP.sub(r"\\\1", name) for name in names)
    return f"**{ARROW.join(escaped)}**"


def _choose_excerpts(candidate: _Candidate, *, query: _Query) -> list[int]:
    scores = _score_excerpts(candidate, query=query)
    best = max(scores)
    chosen: set[int] = set()
    for index in sorted(range(len(scores)), key=lambda index: (-scores[index], index)):
        if chosen and scores[index] < best * NEAR_BEST:
            break
        group = _with_context(candidate.excerpts, index=index)
        said_already = any(
            candidate.excerpts[index].text in candidate.excerpts[other].text for other in chosen
        )
        if not said_already and len(chosen | group) <= MAX_EXCERPTS:
            chosen |= group
    return sorted(chosen)


def _score_excerpts(candidate: _Candidate, *, query: _Query) -> list[float]:
    scores = []
    for excerpt, own, above in zip(candidate.excerpts, candidate.own, candidate.above, strict=True):
        figure = query.wants_figure and _FIGURE.search(excerpt.text)
        score = query.weigh(own) + HEADING_WEIGHT * query.weigh(above - own)
        scores.append(score * FIGURE_FACTOR if figure else score)
    return scores


def _with_context(excerpts: Sequence[Excerpt], *, index: int) -> set[int]:
    """Return the excerpt with what it can't be quoted without."""
    excerpt = excerpts[index]
    siblings = {
        number for number, other in enumerate(excerpts) if other.paragraph == excerpt.paragraph
    }
    if len(siblings) <= SHORT_PARAGRAPH:
        return siblings
    refers_back = index > 0 and _REFERS_BACK.match(excerpt.text)
    return {index, index - 1} if refers_back else {index}
