"""Servers for commands that measure: started for one command, gone with all data after it."""

import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# They work in a database of their own and remove it, so it may as well be on a server of its own.
COMMANDS = frozenset({"bench_knowledge", "evaluate", "measure_scale"})
# They read texts and ask no server, so they run without any settings.
SERVERLESS_COMMANDS = frozenset({"bench_redaction", "redact"})


def needs_own_servers(arguments: Sequence[str]) -> bool:
    """Return whether a command measures, and nobody said which database to do it in."""
    return _command(arguments) in COMMANDS and not _is_told("DATABASE_URL")


def fill_in_settings(arguments: Sequence[str]) -> None:
    """Give a command that asks no server the settings without which nothing starts."""
    if _command(arguments) not in SERVERLESS_COMMANDS:
        return
    nowhere = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    os.environ.update({name: value for name, value in nowhere.items() if not _is_told(name)})


def _command(arguments: Sequence[str]) -> str:
    return arguments[1] if len(arguments) > 1 else ""


def _is_told(name: str) -> bool:
    return name in os.environ or f"{name}_FILE" in os.environ


@contextmanager
def own_servers() -> Iterator[None]:
    """Run the embedded servers in a folder that is removed, and point the settings at them."""
    # Imported late: production has none, and runs ``manage.py`` all the same.
    from supportbot.embedded import EmbeddedServers

    with (
        tempfile.TemporaryDirectory(prefix="supportbot-measuring-") as folder,
        EmbeddedServers(Path(folder), durable=False) as servers,
    ):
        os.environ.update(
            SUPPORTBOT_TESTING="1",
            SECRET_KEY=secrets.token_urlsafe(50),
            DATABASE_URL=servers.urls.database_url,
            REDIS_URL=servers.urls.redis_url,
            PUBLIC_URL="http://127.0.0.1",
            ALLOWED_HOSTS="127.0.0.1",
        )
        yield
