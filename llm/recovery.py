"""What to do after a failed attempt, as a table; pure rules, no network."""

from dataclasses import dataclass
from enum import Enum, auto

from llm.errors import (
    ModelError,
    ModelKeyRejected,
    ModelNotFound,
    ModelQuotaExhausted,
    ModelRateLimited,
    ModelStreamBroken,
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
    GIVE_UP = auto()


@dataclass(frozen=True, slots=True)
class Recovery:
    """A step, and the least and most seconds to wait before it."""

    step: NextStep
    wait: tuple[float, float] = (0.0, 0.0)


def choose_recovery(error: ModelError, *, retried: bool, remaining: float) -> Recovery:
    """Return how to go on; `retried`: this model was tried twice, `remaining`: seconds left."""
    if isinstance(error, ModelKeyRejected | ModelQuotaExhausted):
        return Recovery(NextStep.NEXT_KEY)
    if isinstance(error, ModelNotFound):
        return Recovery(NextStep.NEXT_MODEL)
    if isinstance(error, ModelRateLimited):
        wait = _rate_limit_wait(error)
    elif isinstance(error, ModelUnavailable | ModelStreamBroken):
        wait = JITTER_SECONDS
    else:
        return Recovery(NextStep.GIVE_UP)
    if retried or wait[1] + RESERVED_SECONDS > remaining:
        return Recovery(NextStep.NEXT_MODEL)
    return Recovery(NextStep.RETRY, wait)


def another_model_may_help(error: ModelError) -> bool:
    """Say whether the next model of the list is worth a try after this error."""
    return choose_recovery(error, retried=True, remaining=0.0).step is NextStep.NEXT_MODEL


def counts_as_outage(error: ModelError) -> bool:
    """Say whether the circuit breaker counts this error as the upstream being down."""
    outage = isinstance(error, ModelUnavailable | ModelStreamBroken)
    return outage and not isinstance(error, ModelNotFound)


def _rate_limit_wait(error: ModelRateLimited) -> tuple[float, float]:
    """Wait at least what the upstream asked for, and a little more, so that retries spread."""
    if error.retry_after is None:
        return RATE_LIMIT_JITTER_SECONDS
    return error.retry_after, error.retry_after + JITTER_SECONDS[1]
