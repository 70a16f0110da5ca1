"""The embedded servers: data outlive a killed owner, strangers are left alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import environ
import psycopg
import pytest
import redis

from supportbot import processes
from supportbot.embedded import EmbeddedServers
from supportbot.embedded.errors import DataDirInUse, EmbeddedError

pytestmark = pytest.mark.live

OWNER = """
import sys
from pathlib import Path
from supportbot.embedded import EmbeddedServers
servers = EmbeddedServers(Path(sys.argv[1]))
servers.start()
print(servers.urls.database_url, servers.postgres.pid, servers.valkey.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[EmbeddedServers]:
    with EmbeddedServers(tmp_path / "var", durable=False) as running:
        yield running


def start_owner(data_dir: Path) -> tuple[subprocess.Popen[str], str, list[int]]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    url, *pids = owner.stdout.readline().split()
    return owner, url, [int(pid) for pid in pids]


def alive(pid: int) -> bool:
    return processes.command_line(pid) != ""


def test_postgres_offers_vectors_and_folds_all_letters(servers: EmbeddedServers) -> None:
    with psycopg.connect(servers.urls.database_url) as connection:
        connection.execute("CREATE EXTENSION vector")
        row = connection.execute("SELECT '[3,4]'::vector <-> '[0,0]', lower('ÄÉ')").fetchone()
    assert row == (5.0, "äé")


def test_committed_rows_survive_when_the_owner_is_killed(tmp_path: Path) -> None:
    owner, url, pids = start_owner(tmp_path / "var")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('still here')")
    owner.kill()
    owner.communicate()

    with EmbeddedServers(tmp_path / "var") as again:
        assert not any(alive(pid) for pid in pids)
        with psycopg.connect(again.urls.database_url) as connection:
            assert connection.execute("SELECT word FROM kept").fetchall() == [("still here",)]


def test_servers_end_by_themselves_when_the_owner_is_killed(tmp_path: Path) -> None:
    owner, _, pids = start_owner(tmp_path / "var")
    assert all(alive(pid) for pid in pids)
    owner.kill()
    owner.communicate()
    assert processes.wait_until(lambda: not any(alive(pid) for pid in pids), seconds=20)


def test_start_follows_a_killed_postmaster(tmp_path: Path) -> None:
    first = EmbeddedServers(tmp_path / "var")
    first.start()
    os.kill(first.postgres.pid, signal.SIGKILL)
    first.stop()
    with EmbeddedServers(tmp_path / "var") as again:
        psycopg.connect(again.urls.database_url).close()


def test_a_second_owner_is_told_who_has_the_directory(servers: EmbeddedServers) -> None:
    with pytest.raises(DataDirInUse, match=str(os.getpid())):
        EmbeddedServers(servers.data_dir).start()
    psycopg.connect(servers.urls.database_url).close()


def test_the_directory_is_free_again_after_stop(tmp_path: Path) -> None:
    for _ in range(2):
        with EmbeddedServers(tmp_path / "var") as servers:
            pids = [servers.postgres.pid, servers.valkey.pid]
        assert not any(alive(pid) for pid in pids)


def test_a_strangers_process_is_left_alone_when_a_pid_file_names_it(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path / "var") as servers:
        pid_files = [servers.postgres.directory / "postmaster.pid", servers.valkey.pid_file]
    stranger = subprocess.Popen(["sleep", "60"])
    for path in pid_files:
        path.write_text(f"{stranger.pid}\n")
    with EmbeddedServers(tmp_path / "var") as servers:
        psycopg.connect(servers.urls.database_url).close()
        assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_an_interrupted_first_start_is_begun_anew(tmp_path: Path) -> None:
    unfinished = tmp_path / "var" / "postgres.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    with EmbeddedServers(tmp_path / "var") as servers:
        psycopg.connect(servers.urls.database_url).close()


def test_a_path_too_long_for_a_socket_and_with_a_space_works(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long " * 20) / "var"
    with EmbeddedServers(data_dir) as servers:
        psycopg.connect(servers.urls.database_url).close()
        assert redis.Redis.from_url(servers.urls.redis_url).ping()


def test_the_settings_reader_understands_the_database_url(servers: EmbeddedServers) -> None:
    parsed = environ.Env.db_url_config(servers.create_database("other"))
    with psycopg.connect(
        dbname=parsed["NAME"], user=parsed["USER"], **parsed["OPTIONS"]
    ) as connection:
        assert connection.info.dbname == "other"


def test_valkey_comes_back_empty_at_the_same_address_when_killed(servers: EmbeddedServers) -> None:
    client = redis.Redis.from_url(servers.urls.redis_url)
    client.set("hint", "1")
    servers.kill_valkey()
    with pytest.raises(redis.ConnectionError):
        client.ping()
    servers.start_valkey()
    assert client.get("hint") is None


def test_valkey_refuses_clients_without_the_password(servers: EmbeddedServers) -> None:
    address = servers.urls.redis_url.partition("@")[2]
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(f"redis://{address}").ping()


def test_the_reason_is_shown_when_postgres_refuses_to_start(tmp_path: Path) -> None:
    with EmbeddedServers(tmp_path / "var") as servers:
        settings = servers.postgres.directory / "postgresql.conf"
    settings.write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedError, match="no_such_setting"):
        EmbeddedServers(tmp_path / "var").start()
