"""How the server is told to behave: a default, and a queue for the next requests."""

from dataclasses import dataclass, field, fields
from typing import Any

MODES = frozenset(
    """
    stream tool_call slow length filtered no_done late_cut empty
    429 429_retry_after 500 quota 400 401 404 context_length content_filter error_event
    cut cut_clean garbage html stall hang bad_utf8 bad_json bad_chunk huge_line
    short_vectors
    """.split()  # noqa: SIM905 a table of words reads better
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What to do with a request.

    `key`, `model` and `contains` restrict it to requests with this API key, this model, or
    this text in the last user message. `count` None: the default from now on. `refuses`
    names parameters that are answered with 400, `is_silent` without saying which. `piece` is
    the length of the streamed pieces, 0 for words; `logprob` is that of each.
    """

    mode: str = "stream"
    text: str | None = None
    tool: str = "request_hand_off"
    arguments: dict[str, Any] = field(
        default_factory=lambda: {"reason": "cannot_answer", "detail": "Not in the articles."}
    )
    ttft_ms: float = 0.0
    tokens_per_s: float = 0.0
    retry_after: str = "1"
    cut_after: int = 2
    size: int = 50_000_000
    flagged: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    is_silent: bool = False
    piece: int = 0
    logprob: float | None = None
    count: int | None = None
    key: str | None = None
    model: str | None = None
    contains: str | None = None

    def applies_to(self, *, key: str, model: str, text: str) -> bool:
        """Say whether a request is one of those this behaviour is for."""
        return (
            self.key in {None, key}
            and self.model in {None, model}
            and (self.contains is None or self.contains in text)
        )


def parse_behaviour(data: dict[str, Any]) -> Behaviour:
    """Return the behaviour a control message asks for; raises `ValueError` for an unknown one."""
    unknown = set(data) - {item.name for item in fields(Behaviour)}
    if unknown or data.get("mode", "stream") not in MODES:
        raise ValueError(f"unknown: {sorted(unknown) or data['mode']}")
    return Behaviour(**data)


class BehaviourQueue:
    """The behaviours in force: counted ones first, in their order, then the newest default."""

    def __init__(self) -> None:
        self._counted: list[tuple[Behaviour, int]] = []
        self._defaults: list[Behaviour] = []

    def add(self, behaviour: Behaviour) -> None:
        """Put a behaviour in force."""
        if behaviour.count is None:
            self._defaults.insert(0, behaviour)
        else:
            self._counted.append((behaviour, behaviour.count))

    def clear(self) -> None:
        """Go back to answering every request."""
        self._counted.clear()
        self._defaults.clear()

    def take(self, *, key: str, model: str, text: str) -> Behaviour:
        """Return the behaviour for one request and count it."""
        for index, (behaviour, left) in enumerate(self._counted):
            if behaviour.applies_to(key=key, model=model, text=text):
                if left > 1:
                    self._counted[index] = (behaviour, left - 1)
                else:
                    del self._counted[index]
                return behaviour
        fitting = (
            item for item in self._defaults if item.applies_to(key=key, model=model, text=text)
        )
        return next(fitting, Behaviour())
