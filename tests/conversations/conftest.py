"""A database that a test may change for good, and writers that never stop."""

import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from psycopg import sql

from accounts.roles import ensure_roles
from conversations.models import Site
from tests.servers import servers

TEMPLATE, SCRATCH = "plain_messages", "partitioned_messages"


def _administer(statement: str, **names: str) -> None:
    parts = {key: sql.Identifier(name) for key, name in names.items()}
    with psycopg.connect(servers.postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL(statement).format(**parts))


@pytest.fixture(scope="session")
def plain_database(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> str:
    """A migrated database to copy: the tests' own is in use and can't be copied."""
    servers.create_database(TEMPLATE)
    with django_db_blocker.unblock():
        usual = _connect_to(TEMPLATE)
        call_command("migrate", verbosity=0)
        _connect_to(usual)
    return TEMPLATE


@pytest.fixture
def scratch(plain_database: str, django_db_blocker: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh database in the usual one's place, for every thread."""
    _administer("DROP DATABASE IF EXISTS {new} WITH (FORCE)", new=SCRATCH)
    _administer("CREATE DATABASE {new} TEMPLATE {old}", new=SCRATCH, old=plain_database)
    with django_db_blocker.unblock():
        usual = _connect_to(SCRATCH)
        yield servers.postgres.url(SCRATCH)
        _connect_to(usual)


def _connect_to(name: str) -> str:
    """Let Django's connections be to the database ``name``; return which it was."""
    connection.close()
    usual = str(connection.settings_dict["NAME"])
    connection.settings_dict["NAME"] = name
    return usual


@pytest.fixture
def shop(scratch: str) -> Site:
    """A site in the database of the test's own."""
    ensure_roles()
    return Site.objects.create(key="shop", name="Test Shop")


class Writers:
    """Threads that repeat their work until the block ends, then raise what went wrong."""

    def __init__(self, *works: Callable[[], None]) -> None:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(work,)) for work in works]
        self.errors: list[BaseException] = []

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self.errors:
            raise self.errors[0]

    def _run(self, work: Callable[[], None]) -> None:
        try:
            while not self._stop.is_set():
                work()
        except BaseException as error:
            self.errors.append(error)
        finally:
            connection.close()
