"""A pytest plugin: one embedded PostgreSQL and Valkey for the whole run.

Loaded by ``-p`` because Django's settings are read before any ``conftest.py``.
"""

import os
import tempfile
from pathlib import Path

from supportbot.embedded import EmbeddedServers

_folder = tempfile.TemporaryDirectory(prefix="supportbot-tests-")
servers = EmbeddedServers(Path(_folder.name), durable=False)
_urls = servers.start()
os.environ.update(
    SUPPORTBOT_TESTING="1",
    SECRET_KEY="a-secret-key-only-for-tests-" + "0" * 40,
    DATABASE_URL=_urls.database_url,
    REDIS_URL=_urls.redis_url,
    REDIS_PREFIX=f"test{os.getpid()}",
    PUBLIC_URL="http://testserver",
    ALLOWED_HOSTS="127.0.0.1,localhost,testserver",
)
for name in ("DEMO", "OPENAI_API_KEY", "OPENAI_API_KEY_FILE", "OPENAI_BASE_URL"):
    os.environ.pop(name, None)


def pytest_unconfigure() -> None:
    """Stop what this run started."""
    servers.stop()
    _folder.cleanup()
