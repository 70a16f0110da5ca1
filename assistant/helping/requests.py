"""Asking for help and reading what came of it; both authorise."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from accounts.models import User
from assistant.dispatch import publish_help_on_commit
from assistant.models import HelperRun, Turn
from assistant.prompt_library import load_prompt
from conversations.models import Conversation
from conversations.text import MAX_MESSAGE_CHARACTERS, clean_text
from core.errors import BadInput, Conflict, Forbidden, NotFound
from core.limits import check_rate
from escalation.selectors import access_conversation

Kind = HelperRun.Kind
State = HelperRun.State
MAY_SEE_TURNS = "assistant.view_turn"
ASKED_A_MINUTE = 30


class _Given(BaseModel):
    """What a request may say besides its kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    text: str = ""
    language: str = Field("", pattern=r"^([a-z]{2,3}(-[A-Za-z]{2,4})?)?$")
    tone: Literal["", "friendly", "formal", "shorter", "clearer"] = ""
    prompt_version: StrictInt | None = None
    turn: StrictInt | None = None


def request_help(kind: str, *, conversation: Conversation, by: User, **given: object) -> HelperRun:
    """Store a request and send it to the workers; the same one that still waits is returned.

    ``given`` may hold ``text``, ``language`` and ``tone``, for a trial ``prompt_version`` and
    ``turn``. Raises ``Forbidden``, ``NotFound``, ``BadInput``, ``Conflict`` or ``RateLimited``.
    """
    access_conversation(by, public_id=conversation.public_id)
    values = _checked(kind, conversation, by=by, given=given)
    check_rate("help", str(by.pk), limit=ASKED_A_MINUTE, window_seconds=60)
    waiting = HelperRun.objects.filter(
        kind=kind,
        conversation=conversation,
        requested_by=by,
        input=values,
        state__in=[State.QUEUED, State.RUNNING],
    ).first()
    if waiting is not None:
        # A second click on the same button.
        return waiting
    run = HelperRun.objects.create(
        kind=kind, conversation=conversation, requested_by=by, input=values
    )
    publish_help_on_commit(run.pk)
    return run


def access_run(by: User, *, public_id: UUID) -> HelperRun:
    """Return a run of one's own, or of a conversation that one may open; else ``NotFound``."""
    rows = HelperRun.objects.select_related("conversation__site", "requested_by")
    run = rows.filter(public_id=public_id).first()
    if run is None or run.conversation is None:
        raise NotFound
    try:
        access_conversation(by, public_id=run.conversation.public_id)
        _check_may(run.kind, by=by)
    except Forbidden:
        # Whether it exists is not theirs to know.
        raise NotFound from None
    return run


def _checked(
    kind: str, conversation: Conversation, *, by: User, given: dict[str, object]
) -> dict[str, Any]:
    """Return the request's input as it is stored: only what was given."""
    if kind not in Kind.values:
        raise BadInput("There is no help of this kind.")
    _check_may(kind, by=by)
    try:
        asked = _Given.model_validate(given)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "input"
        raise BadInput(f"{where}: this is not understood.") from None
    text = clean_text(asked.text, limit=MAX_MESSAGE_CHARACTERS)
    if kind == Kind.TONE and not (text and asked.tone):
        raise BadInput("Changing the tone needs a text and a tone.")
    if kind == Kind.ARTICLE and conversation.status != Conversation.Status.RESOLVED:
        raise Conflict("Only a resolved conversation can become an article.")
    if kind == Kind.PROMPT_TRIAL:
        _check_trial(asked, conversation)
    values = asked.model_dump(exclude_defaults=True)
    return values | {"text": text} if text else values


def _check_may(kind: str, *, by: User) -> None:
    if kind == Kind.PROMPT_TRIAL and not by.has_perm(MAY_SEE_TURNS):
        raise Forbidden


def _check_trial(asked: _Given, conversation: Conversation) -> None:
    if asked.prompt_version is None or asked.turn is None:
        raise BadInput("A trial needs a turn and a version of the prompt.")
    load_prompt("answer", asked.prompt_version)
    if not Turn.objects.filter(pk=asked.turn, conversation=conversation).exists():
        raise NotFound("This conversation has no such turn.")
