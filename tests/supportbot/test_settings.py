"""What an installation may set is what the README says it may."""

import re
from pathlib import Path

from supportbot import settings

README = Path(settings.BASE_DIR, "README.md")
READ = re.compile(r'\b(?:env\.\w+|secret)\(\s*"(\w+)"')
# Of the tests alone.
INTERNAL = {"SUPPORTBOT_TESTING"}


def test_every_variable_that_the_settings_read_is_in_the_readme() -> None:
    read = set(READ.findall(Path(settings.__file__).read_text(encoding="utf-8")))
    table = [line for line in README.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    told = set(re.findall(r"`(\w+)`", "\n".join(table)))
    assert {"SECRET_KEY", "DATABASE_URL", "REDIS_PREFIX"} <= read
    assert read - told - INTERNAL == set()
