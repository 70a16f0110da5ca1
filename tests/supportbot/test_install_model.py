"""scripts/install-model: the product runs without the model, and set-up goes on."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "install-model"


@pytest.mark.parametrize("works", [True, False])
def test_set_up_goes_on_whether_or_not_the_model_can_be_installed(
    tmp_path: Path, works: bool
) -> None:
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(SCRIPT, tmp_path / "scripts")
    uv = tmp_path / ".venv" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(f'#!/bin/sh\necho "$@" >> asked\nexit {0 if works else 1}\n')
    uv.chmod(0o755)
    done = subprocess.run([script, ".venv/.model"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    # Without its mark the next `make` tries again.
    assert (tmp_path / ".venv" / ".model").exists() is works
    assert ("by words only" in done.stderr) is not works
    asked = (tmp_path / "asked").read_text()
    assert "--no-deps --require-hashes" in asked
    assert ("--system-certs" in asked) is not works
