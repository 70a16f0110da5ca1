"""Servers for commands that measure: started for one command, gone with all data after it."""

import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# They work in a database of their own and remove it, so it may as well be on a server of its own.
COMMANDS = frozenset({"bench_knowledge", "evaluate", "measure_scale"})


def needs_own_servers(arguments: Sequence[str]) -> bool:
    """Return whether a command measures, and nobody said which database to do it in."""
    command = arguments[1] if len(arguments) > 1 else ""
    is_told = "DATABASE_URL" in os.environ or "DATABASE_URL_FILE" in os.environ
    return command in COMMANDS and not is_told


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
