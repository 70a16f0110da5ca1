"""Whether what became of a question is right: pure rules."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from assistant.drafts import Composed
from assistant.evaluation.cases import Case, Expected
from assistant.guardrails import MIN_GROUNDED, groundedness
from assistant.planning import AskBack, PassOn, Say
from assistant.sources import source_passages
from llm.excerpts import split_excerpts

# A connecting sentence ("Here is how:") claims nothing.
MIN_CLAIM_WORDS = 5


class Mark(StrEnum):
    """How an outcome is counted; a person who takes over is no wrong answer."""

    RIGHT = "right"
    WRONG = "wrong"
    HANDED_OFF = "handed_off"
    ASKED_BACK = "asked_back"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case; ``cost`` in USD, ``why`` says what was wrong with it.

    ``stopped`` names the guards that stopped a reply on the way.
    """

    case: Case
    outcome: Expected
    mark: Mark
    why: str = ""
    text: str = ""
    unsupported: int = 0
    cost: Decimal = Decimal(0)
    seconds: float = 0.0
    model: str = ""
    stopped: tuple[str, ...] = ()


def judge(case: Case, composed: Composed, *, slugs: dict[str, str], seconds: float) -> Result:
    """Return the verdict on one composed turn; ``slugs`` names articles by their titles."""
    outcome, draft = outcome_of(composed), composed.draft
    mark, why = _mark(case, composed, outcome=outcome, slugs=slugs)
    return Result(
        case=case,
        outcome=outcome,
        mark=mark,
        why=why,
        text=words_of(composed),
        unsupported=unsupported_claims(composed) if outcome is Expected.ANSWER else 0,
        cost=draft.cost or Decimal(0),
        seconds=seconds,
        model=draft.model or draft.engine,
        stopped=tuple(one["kind"] for one in composed.record.get("guard", ())),
    )


def outcome_of(composed: Composed) -> Expected:
    """Return which of the outcomes a turn came to."""
    match composed.decision:
        case PassOn():
            return Expected.HAND_OFF
        case AskBack():
            return Expected.ASK_BACK
        case Say():
            return Expected.REPLY
    return Expected.ANSWER


def words_of(composed: Composed) -> str:
    """Return what the customer would read."""
    match composed.decision:
        case PassOn(customer_text=text):
            return text
        case AskBack(text=text) | Say(text=text):
            return text
    return composed.draft.text


def _mark(
    case: Case, composed: Composed, *, outcome: Expected, slugs: dict[str, str]
) -> tuple[Mark, str]:
    if outcome is not case.expect:
        return _other_outcome(case, outcome)
    if outcome is Expected.ANSWER:
        cited = {str(one["title"]) for one in composed.draft.citations}
        named = cited | {slugs.get(title, title) for title in cited}
        if case.articles and not named & set(case.articles):
            return Mark.WRONG, f"cites {', '.join(sorted(cited)) or 'nothing'}"
    return _words(case, composed)


def _other_outcome(case: Case, outcome: Expected) -> tuple[Mark, str]:
    if case.expect is Expected.HAND_OFF and outcome is Expected.ASK_BACK:
        # Nobody is at the desk of an evaluation: it asks for other words first.
        return Mark.RIGHT, ""
    why = f"expected {case.expect}, got {outcome}"
    safe = {Expected.HAND_OFF: Mark.HANDED_OFF, Expected.ASK_BACK: Mark.ASKED_BACK}
    return safe.get(outcome, Mark.WRONG), why


def _words(case: Case, composed: Composed) -> tuple[Mark, str]:
    text = words_of(composed).casefold()
    missing = [one for one in case.must_say if one.casefold() not in text]
    present = [one for one in case.must_not_say if one.casefold() in text]
    if missing:
        return Mark.WRONG, f"does not say {missing[0]!r}"
    if present:
        return Mark.WRONG, f"says {present[0]!r}"
    return Mark.RIGHT, ""


def unsupported_claims(composed: Composed) -> int:
    """Count the sentences of an answer that the passages it was written from do not hold."""
    retrieval = getattr(composed.plan, "retrieval", None)
    if retrieval is None:
        return 0
    passages = source_passages(retrieval.passages)
    return sum(
        groundedness(excerpt.text, passages=passages) < MIN_GROUNDED
        for excerpt in split_excerpts(composed.draft.text)
        if len(excerpt.text.split()) >= MIN_CLAIM_WORDS
    )
