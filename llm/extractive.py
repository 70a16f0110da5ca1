"""The engine without a model: it quotes the passages that answer, and never writes a word more.

No network and no state. What it can't find it hands off.
"""

import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from itertools import groupby

from llm.excerpts import Excerpt, refers_back, split_excerpts, split_sentences
from llm.types import Finished, ReplyEvent, ReplyRequest, SourcePassage, TextDelta, ToolCallRequest
from llm.words import find_stems, find_words

HAND_OFF_TOOL_NAME = "request_hand_off"

# What is chosen for itself, and all of it with what it can't be quoted without.
MAX_CHOSEN = 4
MAX_EXCERPTS = 8
# A passage this close to the best one may hold the answer as well.
NEAR_TOP = 0.8
# Another passage of the article that answers nearly as well is quoted with it.
NEAR_FIT = 0.85
# Retrieval has read the whole passage, its sentences say whether that is the answer, and help
# articles are headed by the questions that they answer.
PASSAGE_WEIGHT = 2.0
LIKENESS_WEIGHT = 0.5
# An excerpt this close to the best one belongs to the answer.
NEAR_BEST = 0.6
# Cosines lie closer together than shares of words: every sentence of an article is on its topic.
NEAR_BEST_BY_MEANING = 0.85
# The first sentence under a heading is what the rest goes on about.
NEAR_OPENING = 0.5
# How much of an excerpt's score is its cosine, where there are vectors.
MEANING_WEIGHT = 0.6
# Without a word in common, this close in meaning is still about the same.
SAME_MEANING = 0.35
# A word of the heading says what the text is about, but not that it answers.
HEADING_WEIGHT = 0.5
# A question for a time or a price is answered by what holds a number.
FIGURE_FACTOR = 1.3
# Paragraphs up to this size are quoted whole: their conditions stay with their promise.
SHORT_PARAGRAPH = 4
# Other articles are offered where they score near enough to be of use.
MAX_OFFERED = 2
NEAR_ENOUGH_TO_OFFER = 0.8
WORDS_PER_DELTA = 4
ARROW = " \u203a "
SEE_ALSO = {
    "da": "Se ogs\u00e5", "de": "Siehe auch", "en": "See also", "es": "Ver tambi\u00e9n",
    "fi": "Katso my\u00f6s", "fr": "Voir aussi", "it": "Vedi anche", "nl": "Zie ook",
    "no": "Se ogs\u00e5", "pl": "Zobacz te\u017c", "pt": "Veja tamb\u00e9m", "sv": "Se \u00e4ven",
}  # fmt: skip

_MARKUP = re.compile(r"([\\`*_\[\]<>])")
_ASKS_FOR_FIGURE = re.compile(
    r"\b(?:when|how (?:long|many|much|soon|often|late|fast)|what time|cost|costs|price|fee)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A passage cut into excerpts, with the stems and the cosine of each."""

    passage: SourcePassage
    excerpts: tuple[Excerpt, ...]
    own: tuple[frozenset[str], ...]
    above: tuple[frozenset[str], ...]
    cosines: tuple[float, ...]
    likeness: float


@dataclass(frozen=True, slots=True)
class _Query:
    """What the question looks for: its stems with their weights."""

    weights: dict[str, float]
    wants_figure: bool

    def weigh(self, stems: frozenset[str]) -> float:
        return sum(weight for stem, weight in self.weights.items() if stem in stems)

    @property
    def total(self) -> float:
        return sum(self.weights.values()) or 1.0


class ExtractiveEngine:
    """Quotes a few sentences, lists or tables of the best passages."""

    name = "extractive"

    async def stream_reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        """Stream the quotation, or a hand-off when the passages hold no answer."""
        answer = compose_answer(request)
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
    query, chosen = _choose(request)
    parts = [f"{source_line(one.passage)}\n\n{_quotes(one, query=query)}" for one in chosen]
    if chosen:
        parts.append(_offer(request.passages, answered=chosen[0].passage, locale=request.locale))
    return "\n\n".join(part for part in parts if part)


def quote_answer(request: ReplyRequest) -> tuple[str, list[SourcePassage]]:
    """Return the same quotations as somebody says them who names no articles; their passages."""
    query, chosen = _choose(request)
    text = "\n\n".join(_quotes(one, query=query) for one in chosen)
    return text, [one.passage for one in chosen]


def _choose(request: ReplyRequest) -> tuple[_Query, list[_Candidate]]:
    wanted = find_stems(request.question, locale=request.locale)
    near = _keep_near_top(request.passages)
    candidates = [_make_candidate(passage, request=request) for passage in near]
    query = _Query(
        weights=_weigh_stems(candidates, wanted=wanted),
        wants_figure=bool(_ASKS_FOR_FIGURE.search(request.question)),
    )
    return query, _choose_candidates(candidates, query=query)


def quoted_passages(answer: str, *, passages: Sequence[SourcePassage]) -> list[SourcePassage]:
    """Return the passages that an answer of this engine quotes, one for each source it names."""
    named = {source_line(passage): passage for passage in reversed(passages)}
    quoted = [passage for line, passage in named.items() if line in answer.splitlines()]
    return sorted(quoted, key=lambda passage: passage.position)


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


def _make_candidate(passage: SourcePassage, *, request: ReplyRequest) -> _Candidate:
    excerpts, locale = split_excerpts(passage.text), request.locale
    general = f"{passage.title} {passage.heading}"
    # An article that was indexed by an older rule of splitting has another number of them.
    has_cosines = len(passage.sentence_scores) == len(excerpts)
    return _Candidate(
        passage=passage,
        excerpts=excerpts,
        own=tuple(find_stems(excerpt.text, locale=locale) for excerpt in excerpts),
        above=tuple(
            find_stems(f"{general} {excerpt.heading}", locale=locale) for excerpt in excerpts
        ),
        cosines=passage.sentence_scores if has_cosines else (),
        likeness=_likeness(request.question, passage=passage),
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
    """Return the passage that answers most of the question, and one more of its article.

    In the article's order.
    """
    fits = [(_fit(candidate, query=query), candidate) for candidate in candidates]
    ranked = sorted(
        ((fit, candidate) for fit, candidate in fits if fit > 0),
        key=lambda pair: (pair[0], pair[1].passage.score),
        reverse=True,
    )
    if not ranked:
        return []
    top, best = ranked[0]
    others = [
        candidate
        for fit, candidate in ranked[1:]
        if _article(candidate.passage) == _article(best.passage) and fit >= NEAR_FIT * top
    ]
    return sorted([best, *others[:1]], key=lambda candidate: candidate.passage.position)


def _article(passage: SourcePassage) -> tuple[str, str]:
    return passage.title, passage.url.partition("#")[0]


def _fit(candidate: _Candidate, *, query: _Query) -> float:
    """Return how well a passage answers (0: not at all), by what it speaks of and its meaning."""
    covered = _coverage(candidate, query=query)
    if not candidate.cosines:
        return covered
    closest = max(candidate.cosines, default=0.0)
    if covered <= 0 and closest < SAME_MEANING:
        return 0.0
    return (
        PASSAGE_WEIGHT * candidate.passage.score
        + LIKENESS_WEIGHT * candidate.likeness
        + max(_score_excerpts(candidate, query=query))
    )


def _likeness(question: str, *, passage: SourcePassage) -> float:
    """Return how alike (Dice, 0..1) the question and one of the labels' sentences are.

    With the stop words: "where is my order" and "what is my order" differ in nothing else.
    """
    asked = set(find_words(question))
    labels = [passage.title, *split_sentences(passage.heading.rsplit(ARROW, 1)[-1])]
    return max(_dice(asked, set(find_words(label))) for label in labels)


def _dice(one: set[str], other: set[str]) -> float:
    return 2 * len(one & other) / ((len(one) + len(other)) or 1)


def _coverage(candidate: _Candidate, *, query: _Query) -> float:
    """Weigh what the passage speaks of; what its headings name as well counts more."""
    above = frozenset[str]().union(*candidate.above)
    found = above.union(*candidate.own)
    return query.weigh(found) + HEADING_WEIGHT * query.weigh(above)


def _quotes(candidate: _Candidate, *, query: _Query) -> str:
    indexes = _choose_excerpts(candidate, query=query)
    paragraphs = groupby(
        enumerate(indexes),
        # Neighbours of one paragraph share (index - rank): a gap starts a paragraph of its own.
        key=lambda pair: (candidate.excerpts[pair[1]].paragraph, pair[1] - pair[0]),
    )
    quotes = [
        " ".join(candidate.excerpts[index].text for _, index in group) for _, group in paragraphs
    ]
    return "\n\n".join(quotes)


def source_line(passage: SourcePassage) -> str:
    """Name the source by title and heading, which reads the same in every language."""
    names = [passage.title]
    if passage.heading and passage.heading != passage.title:
        names.append(passage.heading)
    return f"**{ARROW.join(map(_escaped, names))}**"


def _escaped(name: str) -> str:
    return _MARKUP.sub(r"\\\1", name)


def _offer(passages: Sequence[SourcePassage], *, answered: SourcePassage, locale: str) -> str:
    """Return the links to the next articles, "" where none is near enough to be of use."""
    best = max(passage.score for passage in passages)
    links: dict[tuple[str, str], str] = {}
    for passage in sorted(passages, key=lambda one: one.score, reverse=True):
        is_near = passage.score >= best * NEAR_ENOUGH_TO_OFFER
        if passage.url and is_near and _article(passage) != _article(answered):
            links[_article(passage)] = f"[{_escaped(passage.title)}]({_article(passage)[1]})"
    if not links:
        return ""
    words = SEE_ALSO.get(re.split(r"[-_]", locale.lower())[0], SEE_ALSO["en"])
    return f"{words}: {', '.join(list(links.values())[:MAX_OFFERED])}"


def _choose_excerpts(candidate: _Candidate, *, query: _Query) -> list[int]:
    scores = _score_excerpts(candidate, query=query)
    groups = [_with_context(candidate.excerpts, index=index) for index in range(len(scores))]
    whole = [not refers_back(candidate.excerpts[min(group)].text) for group in groups]
    # What refers to something unseen is quoted only where there is nothing else.
    ranked = [index for index, stands in enumerate(whole) if stands or not any(whole)]
    ranked.sort(key=lambda index: (-scores[index], index))
    best = scores[ranked[0]]
    enough = min(best, best * (NEAR_BEST_BY_MEANING if candidate.cosines else NEAR_BEST))
    chosen: set[int] = set()
    for index in [one for one in ranked if scores[one] >= enough][:MAX_CHOSEN]:
        said_already = any(
            candidate.excerpts[index].text in candidate.excerpts[other].text for other in chosen
        )
        if not said_already and (not chosen or len(chosen | groups[index]) <= MAX_EXCERPTS):
            chosen |= groups[index]
    opening = _opening(groups, scores=scores, chosen=chosen) if whole[0] else set()
    return sorted(chosen | opening)


def _opening(groups: Sequence[set[int]], *, scores: Sequence[float], chosen: set[int]) -> set[int]:
    """Return the passage's first sentence where a single later one was chosen."""
    speaks = scores[0] > 0 and scores[0] >= NEAR_OPENING * max(scores)
    return groups[0] if len(chosen) == 1 and len(groups[0]) == 1 and speaks else set()


def _score_excerpts(candidate: _Candidate, *, query: _Query) -> list[float]:
    """Score each excerpt by the share of the question in it and above it, and by its cosine."""
    scores = []
    for index, excerpt in enumerate(candidate.excerpts):
        own, above = candidate.own[index], candidate.above[index]
        score = query.weigh(own) + HEADING_WEIGHT * query.weigh(above - own)
        if candidate.cosines:
            share = score / query.total
            score = MEANING_WEIGHT * candidate.cosines[index] + (1 - MEANING_WEIGHT) * share
        figure = query.wants_figure and _FIGURE.search(excerpt.text)
        scores.append(score * FIGURE_FACTOR if figure else score)
    return scores


def _with_context(excerpts: Sequence[Excerpt], *, index: int) -> set[int]:
    """Return the excerpt with what it can't be quoted without, down to a sentence that stands."""
    group = _paragraph(excerpts, index=index)
    if excerpts[index].is_block:
        group |= _introduction(excerpts, index=index)
    first = min(group)
    while first and refers_back(excerpts[first].text) and _share_heading(excerpts, first):
        first -= 1
        group |= _paragraph(excerpts, index=first)
        first = min(group)
    return group | _conditions(excerpts, after=max(group))


def _conditions(excerpts: Sequence[Excerpt], *, after: int) -> set[int]:
    """Return the sentences of the same paragraph that go on about the last one quoted."""
    group: set[int] = set()
    for place in range(after + 1, len(excerpts)):
        same = excerpts[place].paragraph == excerpts[after].paragraph
        if not same or not refers_back(excerpts[place].text):
            break
        group.add(place)
    return group


def _paragraph(excerpts: Sequence[Excerpt], *, index: int) -> set[int]:
    """Return the sentences of a short paragraph, one of a long one."""
    number = excerpts[index].paragraph
    siblings = {place for place, other in enumerate(excerpts) if other.paragraph == number}
    return siblings if len(siblings) <= SHORT_PARAGRAPH else {index}


def _introduction(excerpts: Sequence[Excerpt], *, index: int) -> set[int]:
    """Return the sentences before a list or table that lead in to it."""
    before = index - 1
    if before < 0 or excerpts[before].paragraph != excerpts[index].paragraph - 1:
        return set()
    return set() if excerpts[before].is_block else _paragraph(excerpts, index=before)


def _share_heading(excerpts: Sequence[Excerpt], index: int) -> bool:
    return excerpts[index - 1].heading == excerpts[index].heading
