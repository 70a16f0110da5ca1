"""``python -m supportbot.healthcheck``: what the containers ask to learn whether they are well.

Kept free of Django: each check is a process of its own, many times an hour.
"""

import argparse
import os
import sys
import time
import urllib.request
from http import HTTPStatus
from pathlib import Path

import psycopg

# The relay looks each second; several missed rounds are a fault.
RELAY_SECONDS = 30
# Beat writes its schedule at least each five minutes.
BEAT_SECONDS = 900
RECENT_SESSION = """
    SELECT 1 FROM pg_stat_activity
    WHERE application_name = %s AND pid <> pg_backend_pid()
      AND client_addr IS NOT DISTINCT FROM inet_client_addr()
      AND state_change > now() - make_interval(secs => %s)
"""


def is_web_ready(url: str) -> bool:
    """Return whether ``url`` answers with a success."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def is_relay_busy(name: str) -> bool:
    """Return whether the database heard of this machine's ``name`` (its PGAPPNAME) lately."""
    try:
        with psycopg.connect(
            os.environ["DATABASE_URL"], application_name="healthcheck", connect_timeout=5
        ) as connection:
            found = connection.execute(RECENT_SESSION, [name, RELAY_SECONDS]).fetchone()
    except psycopg.OperationalError:
        return False
    return found is not None


def is_schedule_fresh(path: str) -> bool:
    """Return whether beat wrote its schedule lately; some databases add an ending to ``path``."""
    written = [found.stat().st_mtime for found in Path(path).parent.glob(f"{Path(path).name}*")]
    return bool(written) and time.time() - max(written) < BEAT_SECONDS


CHECKS = {"web": is_web_ready, "relay": is_relay_busy, "beat": is_schedule_fresh}


def main() -> int:
    """Run the check named on the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="supportbot.healthcheck", description=__doc__)
    parser.add_argument("service", choices=CHECKS)
    parser.add_argument("subject", help="web: a URL; relay: its PGAPPNAME; beat: its schedule")
    options = parser.parse_args()
    return 0 if CHECKS[options.service](options.subject) else 1


if __name__ == "__main__":
    sys.exit(main())
