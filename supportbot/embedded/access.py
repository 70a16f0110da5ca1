"""Lets the user that a server runs as reach files that root made; for ordinary users nothing."""

import logging
import os
import pwd
import stat
from pathlib import Path

logger = logging.getLogger(__name__)


def server_user() -> str | None:
    """Return whom PostgreSQL runs as: ourselves (None), but for root, whom it refuses."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("nobody").pw_name


def let_pass(directory: Path) -> None:
    """Let others pass through ``directory`` and those above it; they still can't list them."""
    for place in (directory, *directory.parents):
        mode = place.stat().st_mode
        if not mode & stat.S_IXOTH:
            logger.info("letting the database's user pass through %s", place)
            place.chmod(mode | stat.S_IXOTH)


def let_read(tree: Path) -> None:
    """Let others read the files of ``tree`` and run its programs; a strict umask hid them."""
    for path in (tree, *tree.rglob("*")):
        if path.is_symlink() or not path.exists():
            continue
        mode = path.stat().st_mode
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if mode != wanted:
            path.chmod(wanted)
