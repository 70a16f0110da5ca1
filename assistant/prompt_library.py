"""Prompts are files with a version, ``prompts/<name>/<version>.md``; nothing secret is in them.

A file's ``{names}`` are filled in by `Prompt.render`, and of its parts between ``<!-- plain -->``,
``<!-- structured -->`` and ``<!-- end -->`` one form's are kept.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings

from core.errors import NotFound

PROMPTS = Path(__file__).parent / "prompts"
NAME: Final = re.compile(r"[a-z][a-z_]{0,49}")
MARK: Final = re.compile(r"^<!-- (plain|structured|end) -->\n", re.MULTILINE)
VALUE: Final = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of one prompt; ``text`` is the file's."""

    name: str
    version: int
    text: str

    @property
    def label(self) -> str:
        """The name and version as a turn's row keeps them: ``answer/2``."""
        return f"{self.name}/{self.version}"

    def render(self, *, structured: bool = False, **values: str) -> str:
        """Return the words for the model, in one form; a name without a value stays as it is."""
        text = "".join(_parts(self.text, form="structured" if structured else "plain"))
        return VALUE.sub(lambda match: values.get(match[1], match[0]), text).strip()


def load_prompt(name: str, version: int | None = None) -> Prompt:
    """Return a prompt, the newest version unless one is named; raises `NotFound`."""
    versions = _versions(name) if NAME.fullmatch(name) else {}
    if not versions:
        raise NotFound(f"There is no prompt named {name[:50]!r}.")
    wanted = max(versions) if version is None else version
    if wanted not in versions:
        known = ", ".join(map(str, sorted(versions)))
        raise NotFound(f"The prompt {name!r} has no version {wanted}, but {known}.")
    return versions[wanted]


def list_prompts() -> tuple[Prompt, ...]:
    """Return every version of every prompt, by name, the newest first."""
    names = sorted(path.name for path in PROMPTS.iterdir() if NAME.fullmatch(path.name))
    return tuple(
        prompt for name in names for _, prompt in sorted(_versions(name).items(), reverse=True)
    )


@lru_cache(maxsize=1)
def canary() -> str:
    """Return a mark that only our prompt holds: seen in an answer, the prompt has leaked."""
    digest = hashlib.sha256(f"canary:{settings.SECRET_KEY}".encode()).hexdigest()
    return f"kx-{digest[:16]}"


@cache
def _versions(name: str) -> dict[int, Prompt]:
    """Return a prompt's versions; the files are a part of the release and don't change under it."""
    files = (path for path in (PROMPTS / name).glob("*.md") if path.stem.isdecimal())
    return {
        int(path.stem): Prompt(name, int(path.stem), path.read_text(encoding="utf-8"))
        for path in files
    }


def _parts(text: str, *, form: str) -> Iterator[str]:
    """Yield the parts that belong to every form or to this one."""
    pieces = MARK.split(text)
    yield pieces[0]
    for kind, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        if kind in {form, "end"}:
            yield piece
