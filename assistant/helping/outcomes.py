"""What a piece of help comes to, and the ways in which there is none."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.errors import SupportError


@dataclass(frozen=True, slots=True)
class Made:
    """By what an output was made; the defaults are those of what no model wrote."""

    engine: str = "extractive"
    model: str = ""
    prompt_version: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The output for whoever asked, as JSON values."""

    output: dict[str, Any]
    made: Made = field(default_factory=Made)


class NoHelp(SupportError):
    """There is nothing to give, and another try would give no more."""

    code = "no_help"
    status = 409


class NeedsModel(NoHelp):
    """Only a model can do this, and there is none, or its budget is spent."""

    code = "needs_model"
    detail = "This needs a model, and none is set up."


class BudgetSpent(NoHelp):
    """The money or the tokens that models may cost are used up."""

    code = "budget_spent"
    detail = "The budget for models is used up for now."


class NothingSaid(NoHelp):
    """The customer has written nothing yet."""

    code = "nothing_said"
    detail = "The customer has not written anything yet."


class NothingFound(NoHelp):
    """No article speaks of it."""

    code = "nothing_found"
    detail = "No help article answers this, and no model is set up that could draft more."


DETAILS = {one.code: one.detail for one in (NeedsModel, BudgetSpent, NothingSaid, NothingFound)} | {
    "deadline": "It took too long. Please try again.",
    "not_started": "No worker took it up. Please try again.",
}
FAILED = "The model did not answer. Please try again."


def detail_of(error_code: str) -> str:
    """Return what a failed run is to tell whoever asked; "" of one that did not fail."""
    return DETAILS.get(error_code, FAILED) if error_code else ""
