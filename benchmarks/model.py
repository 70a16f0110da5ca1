"""The model's server as a process of its own, on the harness's core."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Self

import aiohttp

from benchmarks.cores import HARNESS, cpu_seconds, on_core
from benchmarks.upstream import Pace
from supportbot import processes
from supportbot.embedded.valkey import find_free_port
from tests.live.processes import ROOT

READY_SECONDS = 20.0


class Model:
    """Starts the server; use it as an asynchronous context manager."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession) -> None:
        self._port = find_free_port()
        self._log = folder / "upstream.log"
        self._session = session
        self._process: subprocess.Popen[bytes]

    async def __aenter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.upstream", "--port", str(self._port)]
        launch = processes.Launch(
            command=command,
            environment={},
            log=self._log,
            directory=ROOT,
            death_signal=signal.SIGKILL,
        )
        with on_core(HARNESS):
            self._process = processes.spawn(launch)
        await until_up(self._session, f"{self.url}/models", seconds=READY_SECONDS)
        return self

    async def __aexit__(self, *_: object) -> None:
        processes.kill(self._process)

    @property
    def url(self) -> str:
        """The base URL for clients of OpenAI's."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def set_pace(self, pace: Pace) -> None:
        """Stream so from now on."""
        url = f"http://127.0.0.1:{self._port}/pace"
        async with self._session.post(url, json=asdict(pace)) as answer:
            answer.raise_for_status()

    def cpu(self) -> float:
        """Return what it used, in seconds."""
        return cpu_seconds([self._process.pid])


async def until_up(session: aiohttp.ClientSession, url: str, *, seconds: float) -> None:
    """Wait until an HTTP address answers."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)
