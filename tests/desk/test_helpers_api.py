"""Help over JSON: who may ask, what comes back, and what a click keeps."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from accounts.models import User
from assistant.helping.claims import HelpClaim, claim_run, fail_run, finish_run
from assistant.helping.outcomes import Made, Outcome
from assistant.models import HelperRun
from conversations.models import Conversation, Site
from core.background import in_database_thread
from knowledge.models import Article
from tests.conftest import make_user
from tests.desk.conftest import browser_of, url_of
from tests.desk.test_consumers import DeskSocket

pytestmark = pytest.mark.django_db
ASK = reverse("desk:ask_for_help")


def ask(browser: Client, about: Conversation, /, **fields: object) -> Any:
    body = {"conversation": str(about.public_id), "kind": "summary", **fields}
    return browser.post(ASK, json.dumps(body), content_type="application/json")


def address_of(run: HelperRun | str) -> str:
    return reverse("desk:help", args=[run if isinstance(run, str) else run.public_id])


def claimed(run_id: str) -> HelpClaim:
    claim = claim_run(HelperRun.objects.get(public_id=run_id).pk)
    assert claim is not None
    return claim


def test_request_is_queued_and_read_until_it_is_done(
    desk: Client, agent: User, waiting: Conversation
) -> None:
    answer = ask(desk, waiting)
    assert answer.status_code == 202
    assert answer["Cache-Control"].startswith("max-age=0")
    run = answer.json()
    assert (run["state"], run["kind"], run["error"]) == ("queued", "summary", None)
    stored = HelperRun.objects.get()
    assert (stored.requested_by, stored.conversation) == (agent, waiting)
    claim = claimed(run["id"])
    assert desk.get(address_of(run["id"])).json()["state"] == "running"
    finish_run(claim, Outcome({"text": "A tent is missing."}, Made(model="gpt-test")))
    done = desk.get(address_of(run["id"])).json()
    assert (done["state"], done["output"]) == ("done", {"text": "A tent is missing."})
    assert done["by_model"]


def test_failure_is_told_in_words(desk: Client, waiting: Conversation) -> None:
    run = ask(desk, waiting, kind="translation").json()
    fail_run(claimed(run["id"]), code="needs_model")
    error = desk.get(address_of(run["id"])).json()["error"]
    assert error["code"] == "needs_model"
    assert "needs a model" in error["detail"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"kind": "poem"}, 400, "bad_input"),
        ({"conversation": str(uuid.uuid4())}, 404, "not_found"),
        ({"conversation": "x"}, 400, "bad_input"),
        ({"surprise": 1}, 400, "bad_input"),
        ({"kind": "tone", "text": "Hello"}, 400, "bad_input"),
        ({"kind": "article"}, 409, "conflict"),
        ({"kind": "prompt_trial"}, 403, "forbidden"),
        ({"kind": "translation", "text": "x" * 4_001}, 413, "too_long"),
        ({"kind": "translation", "text": "x" * 40_000}, 413, "too_long"),
        ({"kind": "translation", "text": "a\x00b"}, 400, "bad_input"),
    ],
)
def test_request_that_can_not_be_met_is_refused_with_a_code(
    desk: Client, waiting: Conversation, fields: dict[str, object], status: int, code: str
) -> None:
    answer = ask(desk, waiting, **fields)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not HelperRun.objects.exists()


@pytest.mark.parametrize("body", ["", "[", "[]", "null", "[" * 20_000])
def test_body_that_is_no_request_is_refused(desk: Client, body: str) -> None:
    answer = desk.post(ASK, body, content_type="application/json")
    assert answer.status_code == 400


def test_too_many_requests_are_told_when_to_come_back(
    desk: Client, waiting: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.helping.requests.ASKED_A_MINUTE", 0)
    answer = ask(desk, waiting)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= 60


def test_only_agents_get_help(
    desk: Client, agent: User, client: Client, waiting: Conversation
) -> None:
    run = HelperRun.objects.create(kind="summary", conversation=waiting, requested_by=agent)
    assert ask(client, waiting).status_code == 401
    assert client.get(address_of(run)).status_code == 401
    agent.groups.remove(Group.objects.get(name="agent"))
    assert ask(desk, waiting).status_code == 403
    assert desk.get(address_of(run)).status_code == 403


def test_help_of_a_colleague_is_read_but_no_managers_trial(
    desk: Client, other_agent: User, waiting: Conversation
) -> None:
    summary = HelperRun.objects.create(
        kind="summary", conversation=waiting, requested_by=other_agent
    )
    trial = HelperRun.objects.create(
        kind="prompt_trial", conversation=waiting, requested_by=other_agent
    )
    assert desk.get(address_of(summary)).status_code == 200
    assert desk.get(address_of(trial)).status_code == 404
    assert desk.get(address_of(str(uuid.uuid4()))).status_code == 404


def test_request_without_the_forms_token_is_refused(agent: User, waiting: Conversation) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    assert ask(strict, waiting).status_code == 403
    page = strict.get(url_of("conversation", waiting)).content.decode()
    token = page.split('data-token="')[1].split('"')[0]
    body = json.dumps({"conversation": str(waiting.public_id), "kind": "summary"})
    answer = strict.post(ASK, body, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 202


def test_article_is_kept_by_who_may_write_articles(
    site: Site, desk: Client, agent: User, waiting: Conversation
) -> None:
    output = {"title": "Tents", "body": "They are late.", "tags": [], "doubts": [], "locale": "en"}
    run = HelperRun.objects.create(
        kind="article", conversation=waiting, requested_by=agent, state="done", output=output
    )
    keep = reverse("desk:keep_help_article", args=[run.public_id])
    assert desk.post(keep).status_code == 403
    manager = browser_of(make_user("mia", role="manager"))
    kept = manager.post(keep)
    assert (kept.status_code, kept.json()["title"]) == (201, "Tents")
    assert manager.get(kept.json()["url"]).status_code == 200
    assert manager.post(keep).json() == kept.json()
    article = Article.objects.get()
    assert (article.is_published, article.site) == (False, site)
    unfinished = HelperRun.objects.create(kind="article", conversation=waiting, requested_by=agent)
    again = reverse("desk:keep_help_article", args=[unfinished.public_id])
    assert manager.post(again).status_code == 409


@pytest.mark.django_db(transaction=True)
async def test_end_is_told_to_who_asked_and_to_nobody_else(
    desk: Client, other_desk: Client, agent: User, other_agent: User, waiting: Conversation
) -> None:
    def request_two() -> list[HelperRun]:
        kinds = ("summary", "title")
        return [
            HelperRun.objects.create(kind=kind, conversation=waiting, requested_by=agent)
            for kind in kinds
        ]

    def finish(runs: list[HelperRun]) -> None:
        for run in runs:
            finish_run(claimed(str(run.public_id)), Outcome({"text": "x"}))

    runs = await in_database_thread(request_two)()
    async with DeskSocket(desk) as mine, DeskSocket(other_desk) as theirs:
        await mine.send(type="ping")
        await mine.wait_for("pong")
        await theirs.send(type="ping")
        await theirs.wait_for("pong")
        await in_database_thread(finish)(runs)
        # Both, though they end in the same moment.
        for run in runs:
            frame = await mine.wait_for("helper", helper=str(run.public_id))
            assert frame["state"] == "done"
            assert frame["conversation"] == str(waiting.public_id)
            assert "output" not in frame
        await theirs.send(type="ping")
        heard = ""
        while heard != "pong":
            heard = json.loads(await theirs.socket.receive_from(10))["type"]
            assert heard != "helper"
