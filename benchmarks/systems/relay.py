"""The hand-written relay: FastAPI, a websocket, the SDK."""

from benchmarks.load import Chat
from benchmarks.systems.sockets import PlainChat
from benchmarks.systems.system import System, make_environment, model_environment, version_in
from supportbot.embedded.valkey import find_free_port
from tests.live.processes import ROOT

REQUIREMENTS = ("fastapi", "uvicorn[standard]", "openai>=3,<4")
ENVIRONMENT = ROOT / "var" / "bench" / "relay"


class Relay(System):
    """One process in an environment of its own; stores nothing."""

    name, title = "relay", "relay of 30 lines (FastAPI + SDK), stores nothing"

    async def start(self) -> None:
        """Install it where it is not, and start it."""
        python = make_environment(ENVIRONMENT, *REQUIREMENTS)
        self._port = find_free_port()
        self.spawn(
            "relay",
            *(str(python), "-m", "uvicorn", "benchmarks.peers.relay_app:app"),
            *("--port", str(self._port), "--log-level", "warning"),
            environment=model_environment(self.place),
        )
        await self.until_up(f"http://127.0.0.1:{self._port}/docs")

    def chat(self) -> Chat:
        """Return a client."""
        return PlainChat(f"ws://127.0.0.1:{self._port}/chat", self.place.session)

    def versions(self) -> dict[str, str]:
        """Return those of its packages."""
        return version_in(ENVIRONMENT / "bin" / "python", "fastapi", "uvicorn", "openai")
