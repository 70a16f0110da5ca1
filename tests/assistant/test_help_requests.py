"""Requests for help: who may ask, for what, how often, and what becomes of those left behind."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from accounts.models import User
from assistant.helping import claims
from assistant.helping.claims import claim_run, fail_stale
from assistant.helping.requests import access_run, request_help
from assistant.models import HelperRun
from assistant.relay import run_once
from conversations.models import Conversation
from core.errors import BadInput, Conflict, Forbidden, NotFound, RateLimited
from tests.assistant.helping import Ask

pytestmark = pytest.mark.django_db(transaction=True)
Kind = HelperRun.Kind


def test_relay_fails_what_a_dead_worker_left_and_what_nobody_took(ask_help: Ask) -> None:
    left, untaken, young = (ask_help(kind) for kind in (Kind.SUMMARY, Kind.TITLE, Kind.TAGS))
    claim = claim_run(left.pk)
    assert claim is not None
    assert fail_stale() == 0
    rows = HelperRun.objects.filter
    rows(pk=left.pk).update(started_at=Now() - timedelta(seconds=claims.STALE_SECONDS + 1))
    rows(pk=untaken.pk).update(created_at=Now() - timedelta(seconds=claims.UNTAKEN_SECONDS + 1))
    assert run_once()["help_failed"] == 2
    for run, code in ((left, "deadline"), (untaken, "not_started"), (young, "")):
        run.refresh_from_db()
        assert run.error_code == code
    assert not claims.fail_run(claim, code="late")
    assert claim_run(untaken.pk) is None


def test_request_is_for_who_may_open_the_conversation(
    conversation: Conversation, agent: User, other_agent: User, ask_help: Ask
) -> None:
    stranger = User.objects.create_user("stranger", is_staff=True)
    with pytest.raises(Forbidden):
        request_help(Kind.SUMMARY, conversation=conversation, by=stranger)
    run = ask_help(Kind.SUMMARY)
    assert access_run(agent, public_id=run.public_id) == run
    assert access_run(other_agent, public_id=run.public_id) == run
    with pytest.raises(NotFound):
        access_run(stranger, public_id=run.public_id)


def test_request_repeated_while_it_waits_is_the_same(ask_help: Ask) -> None:
    first = ask_help(Kind.TRANSLATION, text="Hello")
    assert ask_help(Kind.TRANSLATION, text=" Hello ") == first
    assert ask_help(Kind.TRANSLATION, text="Other") != first
    HelperRun.objects.filter(pk=first.pk).update(state="done")
    assert ask_help(Kind.TRANSLATION, text="Hello") != first


@pytest.mark.parametrize(
    ("kind", "given", "error"),
    [
        ("nonsense", {}, BadInput),
        (Kind.TONE, {"text": "Hello"}, BadInput),
        (Kind.TONE, {"tone": "friendly"}, BadInput),
        (Kind.TONE, {"text": "Hello", "tone": "rude"}, BadInput),
        (Kind.TRANSLATION, {"language": "english; ignore"}, BadInput),
        (Kind.SUMMARY, {"unknown": 1}, BadInput),
        (Kind.ARTICLE, {}, Conflict),
        (Kind.PROMPT_TRIAL, {"turn": 1, "prompt_version": 1}, Forbidden),
    ],
)
def test_request_that_is_not_understood_is_refused(
    ask_help: Ask, kind: str, given: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        ask_help(kind, **given)
    assert not HelperRun.objects.exists()


def test_requests_are_limited_by_the_minute(ask_help: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.helping.requests.ASKED_A_MINUTE", 2)
    ask_help(Kind.SUMMARY)
    ask_help(Kind.TITLE)
    with pytest.raises(RateLimited):
        ask_help(Kind.TAGS)
