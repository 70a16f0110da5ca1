"""What to do after a failed attempt, as a table; pure rules, no network."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from llm.errors import (
    ModelBadRequest,
    ModelContentFiltered,
    ModelContextTooLong,
    ModelDeadlineExceeded,
    ModelError,
    ModelKeyRejected,
    ModelNotFound,
    ModelQuotaExhausted,
    ModelRateLimited,
    ModelStreamBroken,
    ModelTruncated,
    ModelUnavailable,
)

# Left for the answer itself after a wait: an answer takes about this long to begin and end.
RESERVED_SECONDS = 5.0
JITTER_SECONDS = (0.1, 0.5)
RATE_LIMIT_JITTER_SECONDS = (0.5, 1.5)


class NextStep(Enum):
    """The ways to go on after an attempt that gave nothing."""

    RETRY = auto()
    NEXT_KEY = auto()
    NEXT_MODEL = auto()
    # The same without the optional parts of the protocol that the server refused.
    SIMPLER = auto()
    GIVE_UP = auto()


@dataclass(frozen=True, slots=True)
class Recovery:
    """A step, and the least and most seconds to wait before it."""

    step: NextStep
    wait: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table: the step after an error, and what then, where it comes again.

    `is_outage`: the circuit breaker counts the error as the upstream being down. Giving up is
    the turn's: it shortens the prompt once, tells the policy, or lets the articles answer.
    """

    error: type[ModelError]
    first: NextStep
    then: NextStep
    is_outage: bool = False


# The first row that fits holds: a class stands before the one that it is a kind of.
RULES: Final[Sequence[Rule]] = (
    Rule(ModelNotFound, NextStep.NEXT_MODEL, NextStep.NEXT_MODEL),
    Rule(ModelUnavailable, NextStep.RETRY, NextStep.NEXT_MODEL, is_outage=True),
    # Too long is no outage: the customers' answers must not pay for it.
    Rule(ModelTruncated, NextStep.NEXT_MODEL, NextStep.NEXT_MODEL),
    Rule(ModelStreamBroken, NextStep.RETRY, NextStep.NEXT_MODEL, is_outage=True),
    Rule(ModelRateLimited, NextStep.RETRY, NextStep.NEXT_MODEL),
    Rule(ModelQuotaExhausted, NextStep.NEXT_KEY, NextStep.NEXT_KEY),
    Rule(ModelKeyRejected, NextStep.NEXT_KEY, NextStep.NEXT_KEY),
    Rule(ModelBadRequest, NextStep.SIMPLER, NextStep.SIMPLER),
    Rule(ModelContextTooLong, NextStep.GIVE_UP, NextStep.GIVE_UP),
    Rule(ModelContentFiltered, NextStep.GIVE_UP, NextStep.GIVE_UP),
    Rule(ModelDeadlineExceeded, NextStep.GIVE_UP, NextStep.GIVE_UP),
)
_OTHERWISE: Final = Rule(ModelError, NextStep.GIVE_UP, NextStep.GIVE_UP)


def choose_recovery(error: ModelError, *, retried: bool, remaining: float) -> Recovery:
    """Return how to go on; `retried`: this model was tried twice, `remaining`: seconds left."""
    rule = _rule_of(error)
    if rule.first is not NextStep.RETRY:
        return Recovery(rule.first)
    wait = _wait_after(error)
    if retried or wait[1] + RESERVED_SECONDS > remaining:
        return Recovery(rule.then)
    return Recovery(NextStep.RETRY, wait)


def another_model_may_help(error: ModelError) -> bool:
    """Say whether the next model of the list is worth a try after this error."""
    return _rule_of(error).then is NextStep.NEXT_MODEL


def counts_as_outage(error: ModelError) -> bool:
    """Say whether the circuit breaker counts this error as the upstream being down."""
    return _rule_of(error).is_outage


def _rule_of(error: ModelError) -> Rule:
    return next((rule for rule in RULES if isinstance(error, rule.error)), _OTHERWISE)


def _wait_after(error: ModelError) -> tuple[float, float]:
    """Wait at least what the upstream asked for, and a little more, so that retries spread."""
    if not isinstance(error, ModelRateLimited):
        return JITTER_SECONDS
    if error.retry_after is None:
        return RATE_LIMIT_JITTER_SECONDS
    return error.retry_after, error.retry_after + JITTER_SECONDS[1]
