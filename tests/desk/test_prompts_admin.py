"""The prompts' pages: reading, comparing, choosing with a log entry, trying without sending."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import User
from assistant import prompt_library
from assistant.helping.running import run_help
from assistant.models import HelperRun, Turn
from assistant.preparing import prepare
from assistant.prompt_choice import choose_prompt, prompt_in_force
from assistant.prompt_library import Prompt, list_prompts
from assistant.turns import run_turn
from conversations.models import Conversation, Message, Site
from core.background import in_database_thread
from core.errors import NotFound
from knowledge.indexing import index_article
from knowledge.services import ArticleContent, store_article
from tests.conftest import make_user
from tests.customers import say
from tests.desk.conftest import browser_of

pytestmark = pytest.mark.django_db
PROMPTS, TRY = reverse("desk:prompts"), reverse("desk:prompt_trial")
CHOOSE = reverse("desk:choose_prompt")


@pytest.fixture
def manager(site: Site) -> User:
    return make_user("mia", role="manager")


@pytest.fixture
def office(manager: User) -> Client:
    """Mia's browser."""
    return browser_of(manager)


def newest() -> int:
    return next(one.version for one in list_prompts() if one.name == "answer")


def test_list_shows_every_version_and_what_each_site_uses(office: Client, site: Site) -> None:
    page = office.get(PROMPTS).content.decode()
    for prompt in list_prompts():
        assert reverse("desk:prompt", args=[prompt.name, prompt.version]) in page
    assert "always the newest" in page
    choose_prompt(site.pk, version=1)
    assert "always the newest" not in office.get(PROMPTS).content.decode()


def test_prompt_is_shown_and_compared(office: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {
        1: Prompt("answer", 1, "Be kind.\n<b>Stay</b>\n"),
        2: Prompt("answer", 2, "Be short.\n<b>Stay</b>\n"),
    }
    monkeypatch.setattr(prompt_library, "_versions", lambda name: versions)
    whole = office.get(reverse("desk:prompt", args=["answer", 2])).content.decode()
    assert "&lt;b&gt;Stay&lt;/b&gt;" in whole
    compared = office.get(reverse("desk:prompt", args=["answer", 2]) + "?with=1")
    assert "From version 1 to version 2" in compared.content.decode()
    kinds = [line.kind for line in compared.context["lines"]]
    assert kinds == ["removed", "added", "same"]


@pytest.mark.parametrize("path", ["answer/99/", "nothing/1/", "answer/1/?with=99"])
def test_version_that_there_is_not_is_not_found(office: Client, path: str) -> None:
    assert office.get(PROMPTS + path).status_code == 404


def test_pages_are_for_managers(desk: Client, client: Client) -> None:
    one = reverse("desk:prompt", args=["answer", 1])
    for address in (PROMPTS, one, TRY):
        assert desk.get(address).status_code == 403
        assert client.get(address).status_code == 302
    assert desk.post(CHOOSE, {}).status_code == 403


def test_choice_is_used_by_the_next_answers_and_logged(
    office: Client, manager: User, site: Site
) -> None:
    answer = office.post(CHOOSE, {"site": site.pk, "version": 1}, follow=True)
    assert "uses prompt answer/1 from now on" in answer.content.decode()
    site.refresh_from_db()
    assert (site.prompt_version, prompt_in_force(site)) == (1, 1)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (manager, str(site.pk))
    assert f"answer/1, in place of answer/{newest()}" in entry.get_change_message()
    office.post(CHOOSE, {"site": site.pk, "version": ""})
    site.refresh_from_db()
    assert (site.prompt_version, prompt_in_force(site)) == (None, newest())


@pytest.mark.parametrize("fields", [{"version": 99}, {"version": "x"}, {"site": 0}])
def test_choice_that_there_is_not_changes_nothing(
    office: Client, site: Site, fields: dict[str, Any]
) -> None:
    office.post(CHOOSE, {"site": site.pk, "version": 1, **fields})
    site.refresh_from_db()
    assert site.prompt_version is None
    assert not LogEntry.objects.exists()


def test_choice_service_refuses_what_there_is_not(site: Site) -> None:
    with pytest.raises(NotFound):
        choose_prompt(site.pk, version=99)
    with pytest.raises(NotFound):
        choose_prompt(site.pk + 1, version=1)


def asked(conversation: Conversation, site: Site) -> Turn:
    """Return a turn that the articles answer."""
    Site.objects.filter(pk=site.pk).update(answer_threshold=0.2)
    content = ArticleContent(
        title="Returns", body="You can return unused items within 30 days of delivery."
    )
    index_article(store_article(site, slug="returns", content=content).article.pk)
    say(conversation, "How many days do I have to return unused items?")
    return Turn.objects.get()


@pytest.mark.django_db(transaction=True)
async def test_trial_shows_both_answers_and_sends_nothing(
    site: Site, conversation: Conversation, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[int | None] = []

    def prepare_noting(plan: Any, job: Any, **options: Any) -> Any:
        used.append(job.prompt_version)
        assert job.is_trial
        return prepare(plan, job, **options)

    turn = await in_database_thread(asked)(conversation, site)
    await run_turn(turn.pk)
    monkeypatch.setattr("assistant.composing.prepare", prepare_noting)

    def request() -> tuple[Client, str]:
        office = browser_of(manager)
        form = office.get(f"{TRY}?turn={turn.pk}&version=1")
        assert "How many days do I have" in form.content.decode()
        answer = office.post(TRY, {"turn": turn.pk, "version": 1})
        assert "A worker is at it" in office.get(answer["Location"]).content.decode()
        return office, answer["Location"]

    messages = await Message.objects.acount()
    office, address = await in_database_thread(request)()
    run = await HelperRun.objects.aget()
    await run_help(run.pk)
    await run.arefresh_from_db()
    assert (run.state, run.error_code) == ("done", "")
    assert run.output["decision"] == "It would answer"
    page = (await in_database_thread(office.get)(address)).content.decode()
    assert page.count("within 30 days of delivery") >= 2
    assert "No model wrote this" in page
    assert used == [1]
    assert await Message.objects.acount() == messages
    assert await Turn.objects.acount() == 1


def test_trial_of_a_foreign_or_unknown_turn_is_refused(
    office: Client, site: Site, conversation: Conversation
) -> None:
    turn = asked(conversation, site)
    for fields in ({"turn": turn.pk + 9, "version": 1}, {"turn": turn.pk, "version": 99}, {}):
        assert office.post(TRY, fields).status_code == 200
    assert not HelperRun.objects.exists()


def test_result_of_another_kind_of_help_is_not_found(
    office: Client, manager: User, conversation: Conversation
) -> None:
    run = HelperRun.objects.create(
        kind="summary", conversation=conversation, requested_by=manager, state="done"
    )
    address = reverse("desk:prompt_trial_result", args=[run.public_id])
    assert office.get(address).status_code == 404
