"""Reads files by their endings: one, a folder of them, or what was uploaded."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from core.errors import BadInput
from knowledge.importers.archive import files_of, open_archive, read_member
from knowledge.importers.content import Batch, Defaults, Part, Reading
from knowledge.importers.docx import read_docx
from knowledge.importers.html import read_html
from knowledge.importers.markdown import read_markdown
from knowledge.importers.pdf import read_pdf
from knowledge.importers.question_answers import read_question_answers

Read = Callable[..., Reading]

MARKDOWN = {".md", ".markdown"}
READERS: dict[str, tuple[Read, int]] = {
    ".md": (read_markdown, 1_000_000),
    ".markdown": (read_markdown, 1_000_000),
    ".html": (read_html, 5_000_000),
    ".htm": (read_html, 5_000_000),
    ".pdf": (read_pdf, 20_000_000),
    ".docx": (read_docx, 20_000_000),
    ".csv": (read_question_answers, 10_000_000),
}
SUFFIXES = ", ".join(READERS)


def folder_batch(path: Path, *, defaults: Defaults, suffixes: set[str] | None = None) -> Batch:
    """Return the readable files below a folder, or the one file."""
    if path.is_file():
        return Batch(
            [_file_part(path, name=_named(path.name), defaults=defaults)], is_complete=True
        )
    wanted = suffixes or set(READERS)
    files = sorted(file for file in path.rglob("*") if file.suffix.casefold() in wanted)
    root = path.resolve()
    parts = [
        _file_part(file, name=_named(file.relative_to(path).as_posix()), defaults=defaults)
        for file in files
        # A link must not lead out of the folder.
        if file.is_file() and file.resolve().is_relative_to(root)
    ]
    return Batch(parts, is_complete=True)


def upload_batch(data: bytes, *, name: str, defaults: Defaults) -> Batch:
    """Return an uploaded file's part, or those of the archive that it is."""
    if PurePosixPath(name).suffix.casefold() != ".zip":
        return Batch([Part(name, partial(read_file, data, name=name, defaults=defaults))])
    archive = open_archive(data)
    members = list(files_of(archive))
    if not members:
        raise BadInput("the archive holds no files.")
    return Batch([_member_part(archive, member=one, defaults=defaults) for one in members])


def read_file(data: bytes, *, name: str, defaults: Defaults) -> Reading:
    """Return what a file holds, by its ending; raise ``BadInput`` where that is not readable."""
    path = PurePosixPath(name)
    read, limit = _reader(path.suffix)
    if len(data) > limit:
        raise BadInput(f"the file is larger than {limit:,} bytes.")
    if not data.strip():
        raise BadInput("the file is empty.")
    return read(data, stem=path.stem, defaults=defaults)


def _reader(suffix: str) -> tuple[Read, int]:
    try:
        return READERS[suffix.casefold()]
    except KeyError:
        raise BadInput(
            f"files {suffix or 'without ending'} are not read, only {SUFFIXES}."
        ) from None


def _file_part(file: Path, *, name: str, defaults: Defaults) -> Part:
    def load() -> Reading:
        return read_file(_bytes(file), name=name, defaults=defaults)

    return Part(name, load)


def _named(name: str) -> str:
    """Return a file's name as it can be stored: systems take any bytes for one."""
    return os.fsencode(name).decode("utf-8", "replace")


def _bytes(file: Path) -> bytes:
    _, limit = _reader(file.suffix)
    try:
        with file.open("rb") as opened:
            return opened.read(limit + 1)
    except OSError as error:
        raise BadInput(f"the file can't be read: {error.strerror}.") from error


def _member_part(archive: ZipFile, *, member: ZipInfo, defaults: Defaults) -> Part:
    def load() -> Reading:
        _reader(PurePosixPath(member.filename).suffix)
        data = read_member(archive, member=member)
        return read_file(data, name=member.filename, defaults=defaults)

    return Part(member.filename, load)
