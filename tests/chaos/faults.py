"""What is done to the product, each a coroutine that returns when the fault is over."""

import asyncio
import contextlib
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg
import redis.asyncio

from tests.chaos.arena import Arena, Need
from tests.chaos.clients import CLIENTS
from tests.chaos.host import fill_disk, step_clock
from tests.chaos.meddling import lose_nudges, meddle_with_nudges, rotate_keys
from tests.chaos.waiting import until

Connection = psycopg.Connection[tuple[object, ...]]
# More than the server has.
MOST_CONNECTIONS = 300
# As many requests meet a fault of the model at least: two keys of two workers.
FEWEST_ASKED = 4
# What a worker holds, and some more.
FEWEST_BROKEN = 10
# Keys that the model's server refuses are replaced by people: a worker sets them aside for long.
REFUSED_KEYS = ("quota", "401")
CUT_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> ALL(%s)
"""
# By itself, or by the signal that asks for it; not by the one that does not ask.
ENDED_AS_ASKED = (0, -signal.SIGTERM)
Make = Callable[[Arena, random.Random], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault and how often it is made; ``seconds_between`` lets the load go on for a while.

    ``conversations`` are at least there, where it is about how many break.
    """

    name: str
    make: Make
    times: int
    quick_times: int = 0
    seconds_between: float = 3.0
    is_worker_killed: bool = False
    is_web_killed: bool = False
    conversations: int = 0
    needs: Need = ""
    is_of_model: bool = False


async def do_nothing(arena: Arena, dice: random.Random) -> None:
    """What the others are to be compared with."""
    del arena
    await asyncio.sleep(dice.uniform(5, 10))


async def kill_worker(arena: Arena, dice: random.Random) -> None:
    """One of two workers dies and is started again."""
    await arena.restart(dice.choice(arena.workers), "worker")


async def kill_all_workers(arena: Arena, dice: random.Random) -> None:
    """Nobody answers for a while."""
    for stack in arena.workers:
        stack.kill("worker")
    await asyncio.sleep(dice.uniform(20, 60))
    for stack in arena.workers:
        stack.start("worker")


async def freeze_worker(arena: Arena, dice: random.Random) -> None:
    """A worker stands still for far longer than its leases, then goes on where it was."""
    stack = dice.choice(arena.workers)
    stack.suspend("worker")
    await asyncio.sleep(dice.uniform(15, 60))
    stack.resume("worker")


async def kill_web(arena: Arena, dice: random.Random) -> None:
    """Every socket of a web server breaks."""
    stack = dice.choice(arena.webs)
    await arena.restart(stack, "web")
    await asyncio.to_thread(stack.wait_ready, "web")


async def kill_relay(arena: Arena, dice: random.Random) -> None:
    """Nobody looks after what is lost, and all nudges are."""
    stack = dice.choice(arena.relays)
    await asyncio.to_thread(stack.kill, "relay")
    try:
        await lose_nudges(arena, seconds=dice.uniform(1, 5))
    finally:
        await asyncio.to_thread(stack.start, "relay")


async def restart_everything(arena: Arena, dice: random.Random) -> None:
    """A deployment: each process is asked to end, and a new one started."""
    del dice
    for stack, name in arena.processes():
        status = await asyncio.to_thread(stack.stop, name)
        assert status in ENDED_AS_ASKED, f"{name} ended with {status}"
        await asyncio.to_thread(stack.start, name)
        await asyncio.to_thread(stack.wait_ready, name)


async def kill_redis(arena: Arena, dice: random.Random) -> None:
    """Redis dies with all it held."""
    await asyncio.to_thread(arena.servers.kill_valkey)
    await asyncio.sleep(dice.uniform(0, 5))
    await asyncio.to_thread(arena.servers.start_valkey)


async def lose_redis(arena: Arena, dice: random.Random) -> None:
    """Redis is gone for longer than anybody waits for it."""
    await asyncio.to_thread(arena.servers.kill_valkey)
    await asyncio.sleep(dice.uniform(20, 30))
    await asyncio.to_thread(arena.servers.start_valkey)


async def pause_redis(arena: Arena, dice: random.Random) -> None:
    """Redis holds every connection and says nothing."""
    arena.redis_proxy.pause()
    await asyncio.sleep(dice.uniform(15, 30))
    arena.redis_proxy.resume()


async def reset_redis(arena: Arena, dice: random.Random) -> None:
    """Its connections break again and again."""
    broken = 0
    for _ in range(10):
        broken += arena.redis_proxy.reset()
        await asyncio.sleep(dice.uniform(1, 3))
    assert broken >= FEWEST_BROKEN, f"{broken} connections were reset"


async def fill_redis(arena: Arena, dice: random.Random) -> None:
    """Redis is full: it answers, and takes nothing."""
    client = redis.asyncio.Redis.from_url(arena.servers.urls.redis_url)
    try:
        await client.config_set("maxmemory", "1mb")
        await asyncio.sleep(dice.uniform(15, 30))
        await client.config_set("maxmemory", "256mb")
    finally:
        await client.aclose()


async def stop_postgres(arena: Arena, dice: random.Random) -> None:
    """The database is shut down and comes back."""
    await asyncio.to_thread(arena.servers.postgres.stop)
    await asyncio.sleep(dice.uniform(5, 20))
    await asyncio.to_thread(arena.servers.postgres.start)


async def lock_conversations(arena: Arena, dice: random.Random) -> None:
    """Somebody holds a lock on the busiest table."""

    def hold(seconds: float) -> None:
        with arena.database() as connection, connection.transaction():
            connection.execute("LOCK TABLE conversations_message IN EXCLUSIVE MODE")
            connection.execute("SELECT pg_sleep(%s)", [seconds])

    await asyncio.to_thread(hold, dice.uniform(10, 30))


async def take_all_connections(arena: Arena, dice: random.Random) -> None:
    """The product's connections are cut, and the database has none left for whoever asks."""
    held: list[Connection] = []

    def take_all() -> None:
        with contextlib.suppress(psycopg.OperationalError):
            while len(held) < MOST_CONNECTIONS:
                held.append(arena.database())

    def cut_others() -> int:
        mine = [one.info.backend_pid for one in held]
        return len(held[0].execute(CUT_OTHERS, [mine]).fetchall())

    try:
        await asyncio.to_thread(take_all)
        had = left = await asyncio.to_thread(cut_others)
        end = time.monotonic() + dice.uniform(10, 20)
        while time.monotonic() < end:
            # Some of what came free the product had sooner.
            await asyncio.to_thread(take_all)
            left = await asyncio.to_thread(cut_others)
            await asyncio.sleep(0.1)
    finally:
        for one in held:
            one.close()
    assert left <= had / 10, f"{left} of {had} connections came back"


def upstream(mode: str, *, seconds: float = 12, is_one_key: bool = False, **fields: object) -> Make:
    """Return a fault of the model's server: it behaves so for a while, to one key or to all."""

    async def make(arena: Arena, dice: random.Random) -> None:
        keys = await arena.let_model_be_asked()
        # Some are to be in mid-answer.
        assert await until(lambda: _asked(arena) >= FEWEST_ASKED, seconds=30), "nobody asks"
        await asyncio.to_thread(arena.reset_model)
        which = {"key": keys[0]} if is_one_key else {}
        await asyncio.to_thread(arena.upstream.behave, mode, **which, **fields)
        await asyncio.sleep(seconds + dice.random())
        met = await asyncio.to_thread(_asked, arena)
        await asyncio.to_thread(arena.reset_model)
        if mode in REFUSED_KEYS:
            arena.replace_keys()
        # Else nothing would be proved.
        assert met >= FEWEST_ASKED, f"{mode}: the model was asked {met} times"

    return make


def _asked(arena: Arena) -> int:
    """Return how often the model was asked for a reply since the last reset."""
    return sum(one["kind"] == "chat" for one in arena.upstream.requests())


async def refuse_upstream(arena: Arena, dice: random.Random) -> None:
    """Nothing listens at the model's address, and every stream is reset."""
    await arena.let_model_be_asked()
    arena.model_proxy.refuse()
    await asyncio.sleep(dice.uniform(10, 15))
    refused = arena.model_proxy.resume()
    assert refused >= FEWEST_ASKED, f"{refused} connections were refused"


async def reset_upstream(arena: Arena, dice: random.Random) -> None:
    """Its streams are reset again and again."""
    await arena.let_model_be_asked()
    broken = 0
    for _ in range(10):
        broken += arena.model_proxy.reset()
        await asyncio.sleep(dice.uniform(0.5, 2))
    met = await asyncio.to_thread(_asked, arena)
    assert min(broken, met) >= FEWEST_ASKED, f"{broken} reset, the model was asked {met} times"


PROCESSES = (
    Fault("no fault, to compare with", do_nothing, 3),
    Fault("kill -9 of a worker", kill_worker, 100, 3, is_worker_killed=True),
    Fault(
        "kill -9 of the web process", kill_web, 40, 1, 10.0, is_web_killed=True, conversations=300
    ),
    # What one kill costs: further apart (15 s at least) than an answer waits for its second
    # worker, or some would hit the same one again.
    Fault(
        "kill -9 of a worker, with time between", kill_worker, 20, 0, 30.0, is_worker_killed=True
    ),
    Fault("kill -9 of the relay", kill_relay, 30, 1),
    Fault("kill -9 of all workers for up to 60 s", kill_all_workers, 3),
    Fault("SIGSTOP of a worker for up to 60 s", freeze_worker, 3),
    Fault("rolling restart of everything", restart_everything, 3),
)
REDIS = (
    Fault("Redis killed, its memory gone", kill_redis, 30, 1),
    Fault("Redis gone for up to 30 s", lose_redis, 3),
    Fault("Redis paused for up to 30 s", pause_redis, 3),
    Fault("Redis connections reset", reset_redis, 3),
    Fault("Redis full", fill_redis, 3),
    Fault("nudges lost, late, tripled", meddle_with_nudges, 3),
)
DATABASE = (
    Fault("PostgreSQL stopped for up to 20 s", stop_postgres, 3, 1),
    Fault("a table locked for up to 30 s", lock_conversations, 3),
    Fault("PostgreSQL out of connections", take_all_connections, 3),
    Fault("PostgreSQL's disk full for up to 30 s", fill_disk, 3, needs="disk"),
    Fault("the database's clock stepped", step_clock, 3, needs="clock"),
)
MODES = (
    "429", "429_retry_after", "quota", "401", "500", "hang", "stall", "cut_clean", "cut", "html",
    "garbage", "bad_json", "bad_utf8", "huge_line", "no_done", "late_cut", "empty",
)  # fmt: skip
MODEL = (
    *((mode, upstream(mode)) for mode in MODES),
    ("401 of one key", upstream("401", is_one_key=True)),
    ("one token each 0.8 s", upstream("slow", tokens_per_s=1.25, seconds=30)),
    ("an unknown tool", upstream("tool_call", tool="launch_rockets")),
    ("reset", reset_upstream),
    ("ten keys replaced", rotate_keys),
)
FAULTS = (
    *PROCESSES,
    *REDIS,
    *DATABASE,
    Fault("the model's server: refused", refuse_upstream, 3, 1, is_of_model=True),
    *(Fault(f"the model's server: {name}", make, 3, is_of_model=True) for name, make in MODEL),
    *(Fault(f"clients: {name}", make, 3) for name, make in CLIENTS),
)
