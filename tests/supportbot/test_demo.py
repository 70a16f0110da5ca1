"""``make demo`` as a whole, and the supervisor's parts."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from supportbot import processes
from supportbot.demo.environment import (
    DemoError,
    DemoOptions,
    build_environment,
    read_options,
    write_environment,
)
from supportbot.demo.services import Service, list_services
from supportbot.demo.supervisor import Child, Supervisor, make_children
from supportbot.embedded import Urls
from supportbot.embedded.valkey import find_free_port
from supportbot.healthcheck import is_web_ready

ROOT = Path(__file__).resolve().parents[2]
URLS = Urls(database_url="postgresql:///x", redis_url="redis://x")


class Demo:
    """A running ``python -m supportbot.demo`` with what it says."""

    def __init__(self, *, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.url = f"http://127.0.0.1:{port}"
        self._said = data_dir.with_suffix(".txt")
        kept = {name: value for name, value in os.environ.items() if name != "SUPPORTBOT_TESTING"}
        self.process = processes.spawn(
            processes.Launch(
                command=[sys.executable, "-m", "supportbot.demo"],
                environment=kept | {"PORT": str(port), "DATA_DIR": str(data_dir)},
                log=self._said,
                directory=ROOT,
            )
        )

    def said(self) -> str:
        return self._said.read_text()

    def wait_for(self, text: str, *, seconds: float = 120) -> None:
        heard = processes.wait_until(
            lambda: text in self.said() or self.process.poll() is not None, seconds=seconds
        )
        assert heard, self.said()
        assert text in self.said(), self.said()

    def pids(self) -> dict[str, int]:
        found = {}
        for path in (self.data_dir / "run").glob("*.pid"):
            found[path.stem] = processes.read_pid(path) or 0
        return found

    def manage(self, *arguments: str) -> str:
        """Run a command as the demo says, from a shell that knows nothing of it."""
        script = f'. "{self.data_dir}/environment" && exec "$0" manage.py "$@"'
        return subprocess.check_output(
            ["/bin/sh", "-c", script, sys.executable, *arguments], cwd=ROOT, env={}, text=True
        )

    def leftovers(self) -> list[str]:
        lines = [
            processes.command_line(int(entry.name))
            for entry in Path("/proc").iterdir()
            if entry.name.isdecimal()
        ]
        return [line for line in lines if str(self.data_dir) in line]


@pytest.fixture
def demos(tmp_path: Path) -> Iterator[list[Demo]]:
    started: list[Demo] = []
    yield started
    for demo in started:
        processes.kill(demo.process)


@pytest.mark.live
@pytest.mark.timeout(400)
def test_the_demo_comes_up_survives_kills_and_stops_cleanly(
    tmp_path: Path, demos: list[Demo]
) -> None:
    demo = Demo(data_dir=tmp_path / "var", port=find_free_port())
    demos.append(demo)
    demo.wait_for("Log-ins:")
    assert is_web_ready(f"{demo.url}/readyz")
    pids = demo.pids()
    assert set(pids) == {"web", "worker", "bulk", "relay", "beat"}
    key = (demo.data_dir / "secret_key").read_text()
    assert demo.manage("site_secret", "demo").strip()

    os.kill(pids["web"], signal.SIGKILL)
    demo.wait_for("web runs again")
    assert processes.wait_until(lambda: is_web_ready(f"{demo.url}/readyz"), seconds=60)

    demo.process.kill()
    demo.process.wait()
    assert processes.wait_until(lambda: not demo.leftovers(), seconds=30), demo.leftovers()

    again = Demo(data_dir=demo.data_dir, port=find_free_port())
    demos.append(again)
    started = processes.wait_until(lambda: again.said().count("Log-ins:") == 2, seconds=120)
    assert started, again.said()
    assert (demo.data_dir / "secret_key").read_text() == key

    again.process.send_signal(signal.SIGINT)
    assert again.process.wait(timeout=60) == 0, again.said()
    assert again.leftovers() == []
    assert not (again.data_dir / "environment").exists()


@pytest.mark.live
def test_a_busy_port_is_named_and_nothing_is_left_running(
    tmp_path: Path, demos: list[Demo]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        demo = Demo(data_dir=tmp_path / "var", port=port)
        demos.append(demo)
        demo.wait_for("choose another with PORT=")
        assert demo.process.wait(timeout=60) == 1
    assert f"port {port} can't be used" in demo.said()
    assert demo.leftovers() == []


@pytest.mark.parametrize("text", ["0", "70000", "eighty", "-1"])
def test_a_port_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(DemoError, match=f"PORT={text}"):
        read_options()


def test_the_environment_serves_loopback_only_and_no_database_of_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://production/real")
    monkeypatch.setenv("SECRET_KEY_FILE", "/etc/secret")
    environment = build_environment(DemoOptions(port=8000, data_dir=tmp_path), urls=URLS)
    assert environment["DATABASE_URL"] == URLS.database_url
    assert "SECRET_KEY_FILE" not in environment
    assert environment["ALLOWED_HOSTS"] == "127.0.0.1,localhost"
    web = list_services(port=8000, data_dir=tmp_path)[0]
    assert web.arguments[web.arguments.index("--host") + 1] == "127.0.0.1"


def test_a_shell_reads_the_environment_and_forgets_files_of_the_callers(tmp_path: Path) -> None:
    options = DemoOptions(port=8000, data_dir=tmp_path / "it's here")
    options.data_dir.mkdir()
    write_environment(options, urls=URLS)
    assert options.environment_file.stat().st_mode & 0o077 == 0
    heard = subprocess.check_output(
        ["/bin/sh", "-c", '. "$0" && env', options.environment_file],
        env={"SECRET_KEY_FILE": "/etc/secret", "OPENAI_API_KEY": "sk-mine"},
        text=True,
    )
    assert f"DATABASE_URL={URLS.database_url}" in heard
    assert f"DATA_DIR={options.data_dir}" in heard
    assert "OPENAI_API_KEY=sk-mine" in heard
    assert "SECRET_KEY_FILE" not in heard


def test_the_doctor_knows_the_relay_by_its_name(tmp_path: Path) -> None:
    services = {service.name: service for service in list_services(port=8000, data_dir=tmp_path)}
    assert dict(services["relay"].environment)["PGAPPNAME"] == "relay"


def test_the_secret_key_is_kept_and_private(tmp_path: Path) -> None:
    options = DemoOptions(port=8000, data_dir=tmp_path)
    first, second = (build_environment(options, urls=URLS)["SECRET_KEY"] for _ in range(2))
    assert first == second
    assert len(first) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def make_child(code: str, *, tmp_path: Path) -> Child:
    service = Service("odd", ("-c", code))
    (child,) = make_children((service,), environment={}, code=tmp_path, data_dir=tmp_path)
    return child


def test_a_child_that_dies_again_and_again_is_restarted_after_growing_pauses(
    tmp_path: Path,
) -> None:
    child = make_child("raise SystemExit(3)", tmp_path=tmp_path)
    child.start()
    news: list[str] = []

    def told_enough() -> bool:
        found = child.tend()
        if found:
            news.append(found)
        return len(news) == 3

    assert processes.wait_until(told_enough, seconds=20)
    child.kill()
    assert [line.partition(", see")[0] for line in news[::2]] == ["odd ended with 3"] * 2
    assert [line.rpartition("; ")[2] for line in news[::2]] == ["again in 1 s", "again in 2 s"]
    assert news[1] == "odd runs again"


def test_a_leftover_of_a_killed_supervisor_is_ended_and_a_stranger_is_not(tmp_path: Path) -> None:
    sleeper = "import time; time.sleep(60)"
    child = make_child(sleeper, tmp_path=tmp_path)
    child.start()
    pid = processes.read_pid(tmp_path / "run" / "odd.pid") or 0
    # Its parent reaps it only later: until then it is a zombie, which counts as ended.
    make_child(sleeper, tmp_path=tmp_path).end_leftover(mark=f"owner={tmp_path} ")
    assert processes.command_line(pid) == ""
    child.kill()

    stranger = subprocess.Popen([sys.executable, "-c", sleeper])
    (tmp_path / "run" / "odd.pid").write_text(f"{stranger.pid}\n")
    child.end_leftover(mark=f"owner={tmp_path} ")
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_second_request_to_stop_kills_a_child_that_does_not_end(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(60)"
    )
    child = make_child(deaf, tmp_path=tmp_path)
    child.start()
    assert processes.wait_until(lambda: child.log.read_text() != "", seconds=20)
    pid = processes.read_pid(tmp_path / "run" / "odd.pid") or 0
    said: list[str] = []
    requests = iter([False, False, True])
    Supervisor((child,), said.append).stop(hurried=lambda: next(requests))
    assert said == ["odd does not end: killed"]
    assert processes.command_line(pid) == ""
