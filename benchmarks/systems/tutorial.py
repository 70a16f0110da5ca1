"""The tutorials' design: Channels, a prefork Celery worker, a `group_send` a token."""

import secrets
import sys
from collections.abc import Mapping, Sequence

from benchmarks.cores import TESTED, on_core
from benchmarks.load import Chat
from benchmarks.systems.sockets import PlainChat
from benchmarks.systems.system import System, model_environment
from supportbot.embedded.valkey import EmbeddedValkey, find_free_port

CHILDREN = 8


class Tutorial(System):
    """A web server, a worker with some children, Valkey; stores nothing."""

    name, title = "tutorial", "tutorial design (Channels + Celery prefork), stores nothing"
    # A child holds one stream: a hundred chats would only queue.
    is_for_crowds = False
    valkey: EmbeddedValkey

    async def start(self) -> None:
        """Start all three."""
        self.valkey = EmbeddedValkey(self.folder)
        with on_core(TESTED):
            self.valkey.start()
        self._port = find_free_port()
        environment = {
            **model_environment(self.place),
            "DJANGO_SETTINGS_MODULE": "benchmarks.peers.tutorial.settings",
            "REDIS_URL": self.valkey.url,
            "SECRET_KEY": secrets.token_urlsafe(40),
        }
        self.spawn(
            "worker",
            *(sys.executable, "-m", "celery", "-A", "benchmarks.peers.tutorial.tasks", "worker"),
            *("--pool", "prefork", "-c", str(CHILDREN), "--loglevel", "WARNING"),
            environment=environment,
        )
        self.spawn(
            "web",
            *(sys.executable, "-m", "uvicorn", "benchmarks.peers.tutorial.asgi:application"),
            *("--port", str(self._port), "--log-level", "warning"),
            environment=environment,
        )
        await self.until_up(f"http://127.0.0.1:{self._port}/")

    async def stop(self) -> None:
        """End the processes, then Valkey."""
        await super().stop()
        if hasattr(self, "valkey"):
            self.valkey.stop()

    def chat(self) -> Chat:
        """Return a client."""
        return PlainChat(f"ws://127.0.0.1:{self._port}/chat", self.place.session)

    def parts(self) -> Mapping[str, Sequence[int]]:
        """Return the processes, with Valkey."""
        return {**super().parts(), "Valkey": [self.valkey.pid]}
