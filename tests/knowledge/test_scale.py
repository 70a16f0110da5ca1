"""The measurement of the search among generated passages."""

import json
import subprocess
import sys

import psycopg
from django.conf import settings

from knowledge.generated import WORDS, questions
from knowledge.terms import terms_of


def test_generated_words_are_found_as_they_are_written() -> None:
    assert len(set(WORDS)) == len(WORDS)
    assert [terms_of(word) for word in WORDS[:2_000]] == [[word] for word in WORDS[:2_000]]
    assert questions(3, seed=1) == questions(3, seed=1) != questions(3, seed=2)


def test_scale_is_measured_in_a_database_that_is_gone_afterwards(db: None) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "measure_scale", "--passages", "200"],
        cwd=settings.BASE_DIR,
        check=True,
        capture_output=True,
        timeout=300,
    )
    measured = json.loads(done.stdout)
    assert measured["passages"] == 200
    assert 0 < measured["query_ms_p50"] <= measured["query_ms_p95"]
    assert measured["indexed_per_second"] > 0
    assert measured["rss_mb"] > 20
    with psycopg.connect(_server()) as connection:
        names = connection.execute("SELECT datname FROM pg_database").fetchall()
    assert not [name for (name,) in names if name.startswith("scale_")]


def _server() -> str:
    from tests.servers import servers

    return servers.urls.database_url
