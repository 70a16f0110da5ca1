"""The environment of the demo's processes: its own keys and addresses, bound to loopback."""

import hashlib
import os
import secrets
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from supportbot.embedded import Urls

DEFAULT_PORT = 8000


class DemoError(RuntimeError):
    """The demo can't start or go on; the text says why and what to do."""


@dataclass(frozen=True)
class DemoOptions:
    """What ``make demo`` can be told: where it listens and where its data lie."""

    port: int
    data_dir: Path
    code: Path = Path(__file__).resolve().parents[2]

    @property
    def url(self) -> str:
        """The demo's own address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def logs(self) -> Path:
        """Where each process writes its log."""
        return self.data_dir / "logs"

    @property
    def environment_file(self) -> Path:
        """What a shell reads before a ``manage.py`` command for the running demo."""
        return self.data_dir / "environment"


def read_options() -> DemoOptions:
    """Read PORT and DATA_DIR from the environment; raise DemoError where PORT is no port."""
    text = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise DemoError(f"PORT={text} is not a port number (1 to 65535)")
    options = DemoOptions(port=int(text), data_dir=Path())
    data_dir = Path(os.environ.get("DATA_DIR") or options.code / "var").expanduser()
    return DemoOptions(port=options.port, data_dir=data_dir.absolute())


def build_environment(options: DemoOptions, *, urls: Urls) -> dict[str, str]:
    """Return the environment of every process of the demo.

    A DATABASE_URL or REDIS_URL of the caller's is not used: log-ins with known passwords and
    sample rows belong into no other database.
    """
    own = _own_environment(options, urls=urls)
    replaced = _replaced(own)
    return {name: value for name, value in os.environ.items() if name not in replaced} | own


def write_environment(options: DemoOptions, *, urls: Urls) -> None:
    """Write the demo's own part of it as shell commands, readable by nobody else."""
    own = _own_environment(options, urls=urls)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in own.items()]
    path = options.environment_file
    path.touch(mode=0o600)
    path.write_text("\n".join([f"unset {' '.join(_replaced(own))}", *lines, ""]), encoding="utf-8")


def _own_environment(options: DemoOptions, *, urls: Urls) -> dict[str, str]:
    return {
        "DEMO": "1",
        "DJANGO_SETTINGS_MODULE": "supportbot.settings",
        "DATABASE_URL": urls.database_url,
        "REDIS_URL": urls.redis_url,
        "REDIS_PREFIX": _prefix(options.data_dir),
        "SECRET_KEY": _secret_key(options.data_dir / "secret_key"),
        "DATA_DIR": str(options.data_dir),
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "PUBLIC_URL": options.url,
        # Cookies know no ports: two demos side by side would log each other out.
        "SESSION_COOKIE_NAME": f"supportbot_session_{options.port}",
        "CSRF_COOKIE_NAME": f"supportbot_csrf_{options.port}",
        "PYTHONUNBUFFERED": "1",
    }


def _replaced(own: Iterable[str]) -> list[str]:
    """Return the caller's variables that would say again what the demo says for itself."""
    return [f"{name}_FILE" for name in own]


def _prefix(data_dir: Path) -> str:
    return "demo-" + hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]


def _secret_key(path: Path) -> str:
    """Return the key kept in ``path``; make it on the first start."""
    if not path.exists():
        fresh = path.with_suffix(".fresh")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50), encoding="utf-8")
        fresh.rename(path)
    return path.read_text(encoding="utf-8")
