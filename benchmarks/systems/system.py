"""The face that every measured system has, and how its processes are started."""

import asyncio
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.cores import TESTED, cpu_seconds, on_core
from benchmarks.load import Chat, open_all
from benchmarks.model import until_up
from supportbot import processes
from tests.live.processes import ROOT

READY_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system may write, and the model that it is to ask."""

    folder: Path
    model_url: str
    session: aiohttp.ClientSession


class System(ABC):
    """Starts what it measures on the tested core; ends it by ``stop``."""

    name: str
    # What its figures mean, in words fit for the report.
    title: str
    # Whether a hundred chats at once are something that it can do.
    is_for_crowds = True

    def __init__(self, place: Place) -> None:
        self.place = place
        self.folder = place.folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self._spawned: list[subprocess.Popen[bytes]] = []

    @abstractmethod
    async def start(self) -> None:
        """Start the processes and wait until they are ready."""

    @abstractmethod
    def chat(self) -> Chat:
        """Return a conversation that is not open yet."""

    async def open_chats(self, count: int) -> Sequence[Chat]:
        """Return so many open conversations."""
        return await open_all(self.chat, count)

    async def rest(self) -> None:  # noqa: B027 - most need not do anything
        """Let the core be, while another system is measured; most do so when idle."""

    async def wake(self) -> None:  # noqa: B027 - as above
        """Be as warm as before the rest."""

    async def stop(self) -> None:
        """End the processes."""
        for process in self._spawned:
            await asyncio.to_thread(processes.kill, process)

    def parts(self) -> Mapping[str, Sequence[int]]:
        """Return the numbers of the root processes by what they are."""
        return {"processes": [process.pid for process in self._spawned]}

    def versions(self) -> dict[str, str]:
        """Return the versions that its figures hold for."""
        return {}

    def cpu(self) -> dict[str, float]:
        """Return the processor's seconds that each part has used."""
        return {part: cpu_seconds(pids) for part, pids in self.parts().items()}

    def spawn(self, name: str, *command: str, environment: Mapping[str, str]) -> None:
        """Start a process on the tested core; its output goes to a log of this name."""
        launch = processes.Launch(
            command=command,
            environment={"PATH": os.environ["PATH"], **environment},
            log=self.folder / f"{name}.log",
            directory=ROOT,
            death_signal=signal.SIGKILL,
        )
        with on_core(TESTED):
            self._spawned.append(processes.spawn(launch))

    async def until_up(self, url: str) -> None:
        """Wait until an HTTP address answers."""
        await until_up(self.place.session, url, seconds=READY_SECONDS)


def model_environment(place: Place) -> dict[str, str]:
    """Return what an OpenAI client reads."""
    return {"OPENAI_BASE_URL": place.model_url, "OPENAI_API_KEY": "sk-bench"}


def run_quietly(*command: str) -> None:
    """Run a command to its end; raise with its output where it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def version_in(python: Path, *packages: str) -> dict[str, str]:
    """Return the versions of packages in another environment."""
    code = f"from importlib.metadata import version\nfor one in {packages!r}: print(version(one))"
    found = subprocess.run(  # noqa: S603
        [str(python), "-c", code], capture_output=True, text=True, check=True
    )
    return dict(zip(packages, found.stdout.split(), strict=True))


def make_environment(folder: Path, *requirements: str, without: Sequence[str] = ()) -> Path:
    """Return the interpreter of an environment of its own with these packages, made once.

    ``without`` are packages that others ask for and that nothing measured needs.
    """
    python = folder / "bin" / "python"
    done, left_out = folder / ".installed", folder / "without.txt"
    wanted = "\n".join((*requirements, *(f"without {package}" for package in without)))
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        uv = str(Path(sys.executable).parent / "uv")
        run_quietly(uv, "venv", "--quiet", "--clear", str(folder))
        left_out.write_text("\n".join(without), encoding="utf-8")
        options = ("--quiet", "--python", str(python), "--excludes", str(left_out))
        run_quietly(uv, "pip", "install", *options, *requirements)
        done.write_text(wanted, encoding="utf-8")
    return python
