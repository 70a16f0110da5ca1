"""What a piece of help works on: the request and its conversation, as the record holds it now."""

from collections.abc import Sequence
from dataclasses import dataclass

from assistant.context import redacted_history
from assistant.helping.outcomes import NothingSaid
from assistant.history import Said
from assistant.memory import history_of, redactor_of
from assistant.models import HelperRun
from assistant.redaction import Redactor
from conversations.models import Conversation, Message
from core.errors import NotFound
from knowledge.languages import detect_language

Author = Message.Author
# Of the newest messages; the redacted text of the whole conversation may be a book.
MAX_CHARACTERS = 16_000


@dataclass(frozen=True, slots=True)
class Case:
    """A request with the messages of the newest episode; ``said`` are the same ones, redacted."""

    run: HelperRun
    conversation: Conversation
    messages: tuple[Message, ...]
    said: tuple[Said, ...]
    redactor: Redactor
    seconds: float

    @property
    def asked(self) -> tuple[Message, ...]:
        """The customer's newest messages that nobody spoke between; raises ``NothingSaid``."""
        spoken = [one for one in self.messages if one.author_kind != Author.SYSTEM]
        while spoken and spoken[-1].author_kind != Author.CUSTOMER:
            spoken.pop()
        first = len(spoken)
        while first and spoken[first - 1].author_kind == Author.CUSTOMER:
            first -= 1
        if first == len(spoken):
            raise NothingSaid
        return tuple(spoken[first:])

    @property
    def language(self) -> str:
        """The language that the customer writes in."""
        written = "\n".join(one.text for one in self.asked)
        return detect_language(written, default=self.conversation.locale)

    def given(self, name: str) -> str:
        """Return a text of the request; "" where it has none."""
        return str(self.run.input.get(name) or "")


def read_case(run_pk: int, *, seconds: float) -> Case:
    """Return what a run works on; ``seconds`` are what it has left."""
    rows = HelperRun.objects.select_related("conversation__site", "conversation__customer")
    run = rows.get(pk=run_pk)
    conversation = run.conversation
    if conversation is None:
        raise NotFound
    messages = tuple(conversation.messages.filter(episode=conversation.episode).order_by("seq"))
    redactor = redactor_of(conversation)
    return Case(
        run=run,
        conversation=conversation,
        messages=messages,
        said=redacted_history(history_of(messages), redactor.redact),
        redactor=redactor,
        seconds=seconds,
    )


def as_lines(said: Sequence[Said]) -> str:
    """Return messages as a model reads them, the newest ones where all would be too long."""
    lines: list[str] = []
    left = MAX_CHARACTERS
    for one in reversed(said):
        line = f"{one.kind}: {one.text}"
        left -= len(line)
        if left < 0:
            break
        lines.append(line)
    return "<messages>\n" + "\n".join(reversed(lines)) + "\n</messages>"
