"""Runs the tests of the widget's modules under Node."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
# The first with everything they use: modules recognised by their content, mocked timers.
NODE_NEEDED = (20, 19)


def node() -> str:
    """Return the path of Node; skip where it is missing or too old."""
    path = shutil.which("node")
    if path is None:
        pytest.skip("Node.js is missing")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    numbers = tuple(int(part) for part in re.findall(r"\d+", version.stdout)[:2])
    if numbers < NODE_NEEDED:
        pytest.skip(f"Node.js {'.'.join(map(str, NODE_NEEDED))} or later is needed")
    return path


def test_widget_modules_under_node() -> None:
    files = sorted(FOLDER.glob("*.test.mjs"))
    assert files
    run = subprocess.run(
        [node(), "--test", *files], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
