"""The passages that an answer is written from, in the form that engines take."""

from knowledge.retrieval import ScoredPassage
from llm.types import SourcePassage


def source_passages(passages: tuple[ScoredPassage, ...]) -> tuple[SourcePassage, ...]:
    """Return retrieved passages in the form that engines take."""
    return tuple(
        SourcePassage(
            id=str(passage.id),
            title=passage.title,
            heading=passage.heading,
            text=passage.text,
            url=passage.url,
            score=passage.score,
            sentence_scores=passage.sentence_cosines,
            # An article's passages are stored in their order.
            position=passage.id,
        )
        for passage in passages
    )
