"""What is wrong with an answer that must not be shown."""

from typing import Literal

ViolationKind = Literal["canary", "instructions", "link", "personal", "promise", "ungrounded"]


class OutputViolation(Exception):
    """An answer broke a rule; its preview is withdrawn.

    ``detail`` names the rule or the type of data for the turn's record, never the data itself.
    """

    def __init__(self, kind: ViolationKind, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: ViolationKind = kind
        self.detail = detail
