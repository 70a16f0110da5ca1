"""Health, metrics, settings, and what the web process must not load."""

import inspect
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.test import Client

from core.holding import held
from supportbot import health

IMPORTS = """
import sys
import supportbot.asgi
assert "openai" not in sys.modules, "openai is loaded"
assert "daphne" not in sys.modules, "daphne is loaded"
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.django_db(transaction=True)
def test_readyz_names_each_dependency(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ready",
        "dependencies": {"database": "ok", "migrations": "ok", "redis": "ok"},
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "status", "word"), [("redis", 200, "degraded"), ("database", 503, "unavailable")]
)
def test_readyz_when_a_dependency_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, name: str, status: int, word: str
) -> None:
    def away() -> None:
        raise OSError("10.0.0.1 refused")

    monkeypatch.setitem(health.CHECKS, name, away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (status, word)
    assert "10.0.0.1" not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("missing", "status"), [([], 200), (["one"], 503)])
def test_readyz_looks_for_missing_migrations_once_in_a_while(
    client: Client, monkeypatch: pytest.MonkeyPatch, missing: list[str], status: int
) -> None:
    looks: list[str] = []

    class Executor:
        def __init__(self, connection: object) -> None:
            looks.append("look")
            self.loader = SimpleNamespace(graph=SimpleNamespace(leaf_nodes=list))

        def migration_plan(self, targets: object) -> list[str]:
            return missing

    monkeypatch.setattr(health, "MigrationExecutor", Executor)
    monkeypatch.setattr(health, "_is_migrated", held(inspect.unwrap(health._is_migrated)))
    monkeypatch.setattr(settings, "SETTINGS_HELD_SECONDS", 600.0)
    answers = [client.get("/readyz").status_code for _ in range(3)]
    assert (answers, looks) == ([status] * 3, ["look"])


def test_healthz_asks_nobody(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "alive"}


@pytest.mark.django_db
def test_metrics_are_for_the_allowed_addresses_only(client: Client) -> None:
    answer = client.get("/metrics")
    assert "supportbot_turns_queued 0" in answer.content.decode()
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 403


def test_web_process_does_not_load_openai() -> None:
    done = run(IMPORTS)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"REDIS_URL": ""}, "REDIS_URL"),
        ({"DEMO": "1", "ALLOWED_HOSTS": "shop.example.com"}, "DEMO"),
    ],
)
def test_bad_configuration_refuses_to_start_and_names_the_variable(
    environment: dict[str, str], named: str
) -> None:
    done = run("import supportbot.settings", **environment)
    assert done.returncode != 0
    assert named in done.stderr


@pytest.mark.django_db
def test_storefront_exists_only_in_the_demo(client: Client) -> None:
    assert client.get("/").status_code == 404
