"""The API keys of this process: where they come from, and which are set aside."""

import hashlib
import logging
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from django.conf import settings

from llm.errors import ModelError, ModelKeyRejected
from llm.key_states import note_refused, note_used

SET_ASIDE_SECONDS = 600.0
# A file that is written in place is empty for a moment.
HALF_WRITTEN_SECONDS = 2.0

logger = logging.getLogger(__name__)


def fingerprint(key: str) -> str:
    """Return what may be logged of a key: enough to tell keys apart, nothing to use."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


class KeyRing:
    """The keys of `OPENAI_API_KEY` and `OPENAI_API_KEY_FILE`, best first.

    The file is read again when it changed or was replaced, and after a key was rejected.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._file_keys: tuple[str, ...] = ()
        self._read_version: tuple[object, ...] | None = None
        self._aside: dict[str, tuple[float, ModelError]] = {}

    def list_keys(self) -> tuple[str, ...]:
        """Return every configured key once, set aside or not."""
        named = (key.strip() for key in settings.OPENAI_API_KEY.split(","))
        return tuple(dict.fromkeys(key for key in (*named, *self._read_file()) if key))

    def find_usable(self) -> str | None:
        """Return the first key that is not set aside."""
        now = self._clock()
        self._aside = {key: kept for key, kept in self._aside.items() if kept[0] > now}
        return next((key for key in self.list_keys() if key not in self._aside), None)

    def set_aside(self, key: str, *, error: ModelError) -> None:
        """Keep a key out of use for ten minutes and look at the file again."""
        self._aside[key] = (self._clock() + SET_ASIDE_SECONDS, error)
        self._read_version = None
        note_refused(fingerprint(key), error=error, rests=SET_ASIDE_SECONDS)
        logger.error("openai key %s set aside: %s", fingerprint(key), error)

    def note_used(self, key: str) -> None:
        """Note that the upstream answered this key."""
        note_used(fingerprint(key))

    def get_refusal(self) -> ModelError:
        """Return why no key is usable."""
        return next((error for _, error in self._aside.values()), ModelKeyRejected())

    def _read_file(self) -> tuple[str, ...]:
        path = settings.OPENAI_API_KEY_FILE
        if not path:
            return ()
        try:
            facts = Path(path).stat()
            # A file that was moved here may be older than the one before it.
            version = (path, facts.st_mtime_ns, facts.st_ino, facts.st_size)
            if version != self._read_version:
                lines = Path(path).read_text(encoding="utf-8").split()
                is_half_written = not lines and time.time() - facts.st_mtime < HALF_WRITTEN_SECONDS
                if is_half_written and self._file_keys:
                    return self._file_keys
                self._file_keys, self._read_version = tuple(lines), version
        except (OSError, UnicodeDecodeError) as error:
            # A rotation may replace the file in two steps: the keys already read stay good.
            logger.warning("OPENAI_API_KEY_FILE can't be read: %s", type(error).__name__)
        return self._file_keys


@cache
def key_ring() -> KeyRing:
    """Return the ring of this process."""
    return KeyRing()
