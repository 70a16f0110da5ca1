"""The whole product on servers of its own, with proxies between, to be broken at will."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import psycopg
import redis.asyncio

from supportbot.embedded import EmbeddedServers
from tests.chaos.clock import Clock
from tests.chaos.disk import SmallDisk
from tests.chaos.front import Nginx, PgBouncer
from tests.chaos.proxy import Proxy
from tests.live.conftest import Upstream
from tests.live.processes import Stack

# With beat, as the product runs; "bulk" has nothing to do here.
Need = Literal["", "clock", "disk"]
NAMES = ("web", "worker", "relay", "beat")
# An answer takes some seconds: faults are to meet those that are being written.
MODEL_PACE = {"ttft_ms": 200, "tokens_per_s": 12}


class Arena:
    """Processes, servers and proxies; use it as a context manager.

    ``first`` is a full set of processes, ``second`` one more worker on the same servers; or, where
    it is scaled, one more of all but beat, with nginx before both, PgBouncer behind and messages in
    partitions.
    """

    def __init__(self, folder: Path, *, needs: Need = "", is_scaled: bool = False) -> None:
        """``needs`` gives the database a clock that can be stepped, or a disk that gets full."""
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.clock = Clock(folder / "clock") if needs == "clock" else None
        self.disk = SmallDisk(folder / "servers") if needs == "disk" else None
        faked = self.clock.environment if self.clock else {}
        self.servers = EmbeddedServers(folder / "servers", environment=faked)
        # Runs that share nothing still must not read each other's queues.
        self.prefix = f"chaos{int(time.time())}"
        self.keys = folder / "keys"
        self.is_scaled = is_scaled
        self._open = AsyncExitStack()
        # What faults measured themselves, by what it is.
        self.notes: dict[str, float] = {}
        self.redis_proxy: Proxy
        self.model_proxy: Proxy
        self.upstream: Upstream
        self.first: Stack
        self.second: Stack
        self.nginx: Nginx

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._open.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._open.aclose()

    @property
    def database_url(self) -> str:
        """Where the database is reached, past every fault."""
        return self.servers.urls.database_url

    @property
    def url(self) -> str:
        """Where clients come to."""
        return self.nginx.url if self.is_scaled else self.first.url

    @property
    def workers(self) -> tuple[Stack, Stack]:
        """The stacks that run a worker each."""
        return self.first, self.second

    async def restart(self, stack: Stack, name: str, *, down_seconds: float = 0) -> None:
        """Kill a process as a crash would, and start it again as a supervisor would."""
        await asyncio.to_thread(stack.kill, name)
        await asyncio.sleep(down_seconds)
        await asyncio.to_thread(stack.start, name)

    def processes(self) -> Sequence[tuple[Stack, str]]:
        """Return every process, as the stack that runs it and its name there."""
        return [(stack, name) for stack in self.workers for name in stack.names]

    @property
    def webs(self) -> Sequence[Stack]:
        """The stacks that run a web server."""
        return [stack for stack, name in self.processes() if name == "web"]

    @property
    def relays(self) -> Sequence[Stack]:
        """The stacks that run a relay."""
        return [stack for stack, name in self.processes() if name == "relay"]

    def revive(self) -> list[str]:
        """Start again what ended by itself, as a supervisor would; return what did since then."""
        return [name for stack in self.workers for name in stack.revive()]

    def database(self) -> "psycopg.Connection[tuple[object, ...]]":
        """Open a connection of the harness's own."""
        return psycopg.connect(self.database_url, autocommit=True)

    def usage(self) -> dict[str, float]:
        """Return the memory (MB) by process, all descriptors, the database's connections."""
        usage: dict[str, float] = {}
        descriptors = 0
        for stack, name in self.processes():
            process = psutil.Process(stack.pid(name))
            key = f"memory of {name} (MB)"
            usage[key] = usage.get(key, 0.0) + process.memory_info().rss / 1e6
            descriptors += process.num_fds()
        valkey = psutil.Process(self.servers.valkey.pid)
        usage["memory of Redis (MB)"] = valkey.memory_info().rss / 1e6
        own, shared = _memory_of_all(self.servers.postgres.pid)
        usage["memory of PostgreSQL, shared (MB)"] = shared
        usage["memory of PostgreSQL, the rest (MB)"] = own
        with self.database() as connection:
            row = connection.execute("SELECT count(*) FROM pg_stat_activity").fetchone()
        return usage | {
            "descriptors": float(descriptors),
            "database connections": float(str(row[0])) if row else 0.0,
        }

    async def let_model_be_asked(self) -> list[str]:
        """End what an earlier fault left: keys set aside, a breaker that is open.

        Returns the keys that are good now, the first one to be used first.
        """
        keys = self.replace_keys()
        client = redis.asyncio.Redis.from_url(self.servers.urls.redis_url)
        try:
            async for key in client.scan_iter(f"{self.prefix}.breaker.*"):
                await client.delete(key)
        finally:
            await client.aclose()
        await asyncio.to_thread(self.reset_model)
        return keys

    def reset_model(self) -> None:
        """Let the model's server answer every request, at the pace of a model, and count anew."""
        self.upstream.reset()
        self.upstream.behave("stream", **MODEL_PACE)

    def replace_keys(self) -> list[str]:
        """Give the workers two new keys, as people would for those that are refused."""
        keys = [f"sk-{uuid4().hex}" for _ in range(2)]
        self.write_keys(*keys)
        return keys

    def write_keys(self, *keys: str) -> None:
        """Replace the model's keys at once, as a secrets' store does."""
        new = self.keys.with_suffix(".new")
        new.write_text("\n".join(keys), encoding="ascii")
        new.replace(self.keys)

    async def _start(self) -> None:
        self.write_keys("sk-one", "sk-two")
        if self.disk:
            self.disk.mount()
            self._open.callback(self.disk.unmount)
        await asyncio.to_thread(self.servers.start)
        self._open.callback(self.servers.stop)
        self.upstream = Upstream(self.folder)
        self._open.callback(self.upstream.close)
        await asyncio.to_thread(self.reset_model)
        valkey = urlsplit(self.servers.urls.redis_url)
        self.redis_proxy = await self._open.enter_async_context(Proxy(valkey.port or 0))
        self.model_proxy = await self._open.enter_async_context(Proxy(self.upstream.port))
        redis_url = valkey._replace(
            netloc=f":{valkey.password}@127.0.0.1:{self.redis_proxy.port}"
        ).geturl()
        database_url = self.database_url
        if self.is_scaled:
            self._set_timeouts()
            bouncer = PgBouncer(self.folder / "pgbouncer", database_url=database_url)
            self._open.callback(bouncer.close)
            database_url = bouncer.url
        urls = (database_url, redis_url)
        self.first = self._stack("first", urls, names=NAMES)
        others = ("web", "worker", "relay") if self.is_scaled else ("worker",)
        self.second = self._stack("second", urls, names=others)
        partitioning = ("partition_messages",) if self.is_scaled else ()
        for command in ("migrate", "load_demo", *partitioning):
            await asyncio.to_thread(self.first.manage, command)
        for stack in self.workers:
            await asyncio.to_thread(stack.__enter__)
            self._open.callback(stack.close)
        if self.is_scaled:
            self.nginx = Nginx(self.folder / "nginx", ports=[one.port for one in self.workers])
            self._open.callback(self.nginx.close)
            await asyncio.to_thread(self.nginx.wait)

    def _set_timeouts(self) -> None:
        """Let the role have what a session can't set through a shared connection."""
        with self.database() as connection:
            connection.execute("ALTER ROLE postgres SET lock_timeout = '2s'")
            connection.execute(
                "ALTER ROLE postgres SET idle_in_transaction_session_timeout = '30s'"
            )

    def _stack(self, name: str, urls: tuple[str, str], *, names: Sequence[str]) -> Stack:
        environment = {
            "REDIS_PREFIX": self.prefix,
            # The load comes from one address, and is no attack.
            "MESSAGES_A_MINUTE_PER_ADDRESS": "100000",
            "MESSAGES_A_MINUTE_PER_SITE": "100000",
            "READINGS_A_MINUTE_PER_ADDRESS": "100000",
            "SESSIONS_A_MINUTE_PER_ADDRESS": "100000",
            "HAND_OFFS_AN_HOUR_PER_ADDRESS": "100000",
            "SILENT_SOCKETS_PER_ADDRESS": "2000",
            "SOCKETS_PER_ADDRESS": "10000",
            "LOG_LEVEL": "WARNING",
            "OPENAI_API_KEY_FILE": str(self.keys),
            "OPENAI_BASE_URL": f"http://127.0.0.1:{self.model_proxy.port}/v1",
            "OPENAI_MODELS": "model-a,model-b",
            "OPENAI_FIRST_TOKEN_SECONDS": "3",
            # Debian's PgBouncer keeps none in transaction mode.
            "DATABASE_PREPARED_STATEMENTS": "0" if self.is_scaled else "1",
        }
        return Stack(
            database_url=urls[0],
            redis_url=urls[1],
            folder=self.folder / name,
            names=names,
            environment=environment,
        )


def _memory_of_all(pid: int) -> tuple[float, float]:
    """Return what a process and its children hold each for itself, and what they share (MB)."""
    process, own, held = psutil.Process(pid), 0, 0
    for one in (process, *process.children()):
        with suppress(psutil.NoSuchProcess):
            memory = one.memory_full_info()
            own, held = own + memory.uss, held + memory.pss
    return own / 1e6, (held - own) / 1e6
