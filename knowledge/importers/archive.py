"""Reads ZIP files within bounds: many files at once, and Word documents, which are such files."""

import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from core.errors import BadInput

MAX_MEMBERS = 1_000
MAX_MEMBER_BYTES = 20_000_000
MAX_TOTAL_BYTES = 100_000_000
MAX_RATIO = 100
# Small files of one repeated letter pack better than any bomb.
RATIO_FREE_BYTES = 1_000_000
ENCRYPTED = 0x1
IGNORED = ("__MACOSX/", ".DS_Store", "Thumbs.db")


def open_archive(data: bytes) -> ZipFile:
    """Return the checked archive; raise ``BadInput`` where it may not be unpacked."""
    try:
        archive = ZipFile(BytesIO(data))
    except (BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise BadInput("the file is not a ZIP archive.") from error
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise BadInput(f"the archive holds more than {MAX_MEMBERS:,} files.")
    if sum(one.file_size for one in members) > MAX_TOTAL_BYTES:
        raise BadInput(f"the archive unpacks to more than {MAX_TOTAL_BYTES:,} bytes.")
    for member in members:
        _check(member)
    return archive


def check_archive(data: bytes) -> None:
    """Raise ``BadInput`` unless every member unpacks within the bounds, whatever it declares."""
    with open_archive(data) as archive:
        for member in archive.infolist():
            read_member(archive, member=member)


def files_of(archive: ZipFile) -> Iterator[ZipInfo]:
    """Yield the files by name, without folders and what systems leave behind."""
    for member in sorted(archive.infolist(), key=lambda one: one.filename):
        hidden = PurePosixPath(member.filename).name.startswith(".")
        if not member.is_dir() and not hidden and not member.filename.startswith(IGNORED):
            yield member


def read_member(archive: ZipFile, *, member: ZipInfo) -> bytes:
    """Unpack one file, by what comes out and not by what its header says."""
    try:
        with archive.open(member) as file:
            data = file.read(member.file_size + 1)
    except (BadZipFile, zlib.error, OSError, NotImplementedError, EOFError) as error:
        raise BadInput("the file in the archive is damaged.") from error
    if len(data) > member.file_size:
        raise BadInput("the file in the archive is larger than it says.")
    return data


def _check(member: ZipInfo) -> None:
    name = member.filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        raise BadInput(f"the archive holds a path that leads out of it: {name[:80]!r}.")
    if member.flag_bits & ENCRYPTED:
        raise BadInput("the archive is locked by a password.")
    if member.file_size > MAX_MEMBER_BYTES:
        raise BadInput(f"{name[:80]} unpacks to more than {MAX_MEMBER_BYTES:,} bytes.")
    free = member.file_size <= RATIO_FREE_BYTES
    if not free and member.file_size > MAX_RATIO * max(1, member.compress_size):
        raise BadInput(f"{name[:80]} is packed more than {MAX_RATIO} times.")
