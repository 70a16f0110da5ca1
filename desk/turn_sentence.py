"""Why a turn ended as it did, in one sentence; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from assistant.models import Turn
from assistant.violations import ViolationKind
from desk.turn_making import is_given_again
from escalation.models import HandOff

State, Outcome = Turn.State, Turn.Outcome
UNFINISHED = {
    State.QUEUED: "It waits for a worker: nothing is decided yet.",
    State.RUNNING: "It is being worked on: nothing is decided yet.",
    State.SUPERSEDED: "It was given up: the conversation changed hands before it ended.",
    State.CANCELLED: "It was given up: the conversation went to a person before it ended.",
}


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a sentence needs besides the turn.

    The threshold and whether it is today's, the source, whether a tool was heard, whether the
    model only asked for something, and the title of the card that the customer was shown.
    """

    threshold: float | None
    is_threshold_of_today: bool
    source: str = ""
    by_tool: bool = False
    asks: bool = False
    card: str = ""


def decision_sentence(turn: Turn, *, grounds: Grounds, data: Mapping[str, Any]) -> str:
    """Return the sentence at the top of a turn's page."""
    if turn.state in UNFINISHED:
        return UNFINISHED[State(turn.state)]
    if turn.state == State.FAILED:
        return f"Passed to a person because the turn failed ({turn.error_code or 'no code'})."
    if turn.outcome == Outcome.HANDED_OFF:
        return _handed_off(turn, grounds, data)
    sentences = {Outcome.ANSWERED: _answered, Outcome.ASKED_BACK: _asked_back}
    known = sentences.get(Outcome(turn.outcome), _ended)
    return known(turn, grounds)


def _ended(turn: Turn, grounds: Grounds) -> str:
    if turn.outcome == Outcome.STOPPED:
        return "Stopped: the customer did not want the answer any more."
    return "It ended without a word to the customer."


def _answered(turn: Turn, grounds: Grounds) -> str:
    if turn.confidence is None:
        return "Answered by a fixed rule: no article and no model was asked."
    if grounds.by_tool and _is_below(turn, grounds):
        return f"Answered from what a tool said{_written(turn)}, as {_compared(turn, grounds)}."
    return f"Answered because {_compared(turn, grounds)}{_made(turn, grounds)}."


def _asked_back(turn: Turn, grounds: Grounds) -> str:
    if turn.confidence is None:
        return "Asked what is meant, because the message held nothing to look up."
    if grounds.card:
        return f"Showed a card to confirm, \u201c{grounds.card}\u201d: the model called a tool."
    if grounds.asks:
        return f"Asked for what was missing{_written(turn)}, as {_compared(turn, grounds)}."
    return f"Asked back because {_compared(turn, grounds)}."


def _handed_off(turn: Turn, grounds: Grounds, data: Mapping[str, Any]) -> str:
    labels = dict(HandOff.Reason.choices)
    label = str(labels.get(turn.hand_off_reason, turn.hand_off_reason) or "no reason was kept")
    detail = _detail(data)
    said = f"Passed to a person: {label[:1].lower()}{label[1:]}{f' ({detail})' if detail else ''}"
    if turn.confidence is None:
        return f"{said}, by a rule, before any article was looked up."
    if grounds.threshold is not None and turn.confidence >= grounds.threshold:
        return f"{said}, although {_compared(turn, grounds)}."
    return f"{said}, as {_compared(turn, grounds)}."


def _is_below(turn: Turn, grounds: Grounds) -> bool:
    return grounds.threshold is not None and (turn.confidence or 0.0) < grounds.threshold


def _compared(turn: Turn, grounds: Grounds) -> str:
    confidence = turn.confidence or 0.0
    sure = f"confidence {confidence:.2f}"
    if grounds.threshold is None:
        return f"of its {sure}"
    today = "today's " if grounds.is_threshold_of_today else ""
    relation = "below" if confidence < grounds.threshold else "not below"
    if confidence > grounds.threshold:
        relation = "above"
    return f"{sure} was {relation} {today}{grounds.threshold:.2f}"


def _made(turn: Turn, grounds: Grounds) -> str:
    source = f", from \u201c{grounds.source}\u201d" if grounds.source else ""
    if is_given_again(turn):
        return f"{source}, with the words of an answer given before"
    if turn.engine == "extractive":
        return f"{source}, quoted {_why_quoted(turn)}"
    return f"{source}{_written(turn)}"


def _why_quoted(turn: Turn) -> str:
    """Return why no model's words were shown; with a tier one was asked."""
    if not turn.tier:
        return f"without a model{f' ({turn.tier_reason})' if turn.tier_reason else ''}"
    if turn.error_code in get_args(ViolationKind):
        return f"because a guard stopped what the {turn.tier} tier wrote ({turn.error_code})"
    return f"because the {turn.tier} tier failed ({turn.error_code or 'no code'})"


def _written(turn: Turn) -> str:
    if not turn.tier:
        return ""
    return f" by the {turn.tier} tier{f' ({turn.tier_reason})' if turn.tier_reason else ''}"


def _detail(data: Mapping[str, Any]) -> str:
    detail = data.get("detail")
    return detail.strip().rstrip(".")[:200] if isinstance(detail, str) else ""
