"""Questions with expectations, one JSON object a line."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.errors import BadInput

MAX_CASES = 10_000


class Expected(StrEnum):
    """What should become of a question."""

    ANSWER = "answer"
    ASK_BACK = "ask_back"
    REPLY = "reply"  # small talk, by rule
    HAND_OFF = "hand_off"


class Said(BaseModel):
    """One message of what came before the question."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    author: Literal["customer", "assistant"]
    text: Annotated[str, Field(min_length=1, max_length=4_000)]


class Case(BaseModel):
    """One question; ``articles`` are the slugs or titles of those that may answer it.

    ``must_say`` and ``must_not_say`` are looked for in the answer whatever their case.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Annotated[str, Field(min_length=1, max_length=4_000)]
    expect: Expected = Expected.ANSWER
    articles: tuple[str, ...] = ()
    must_say: tuple[str, ...] = ()
    must_not_say: tuple[str, ...] = ()
    earlier: tuple[Said, ...] = ()


def read_cases(path: Path) -> list[Case]:
    """Return the cases of a file; raise ``BadInput`` with the line for anything else."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8.") from error
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    cases: dict[str, Case] = {}
    for number, line in numbered:
        case = _case(line, at=f"{path}:{number}")
        if case.question in cases:
            # A baseline knows a question by its words.
            before = numbered[list(cases).index(case.question)][0]
            raise BadInput(f"{path}:{number}: the same question as in line {before}.")
        cases[case.question] = case
    if not cases:
        raise BadInput(f"{path} holds no question.")
    if len(cases) > MAX_CASES:
        raise BadInput(f"{path} holds more than {MAX_CASES:,} questions.")
    return list(cases.values())


def _case(line: str, *, at: str) -> Case:
    try:
        return Case.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the line"
        raise BadInput(f"{at}: {place}: {first['msg']}.") from error
