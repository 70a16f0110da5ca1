"""Where keys come from, how they rotate, and that their values stay inside."""

import asyncio
import os
from pathlib import Path

import pytest
from django.db import OperationalError
from pytest_django import Settings

from core.background import in_database_thread
from llm import key_states
from llm.client import OpenAIEngine
from llm.errors import ModelKeyRejected, ModelQuotaExhausted
from llm.keys import SET_ASIDE_SECONDS, KeyRing, fingerprint
from llm.models import KeyState
from tests.llm.conftest import MakeRequest, collect, join_text
from tests.upstream.server import UpstreamServer
from tests.waiting import until


@pytest.fixture
def key_file(tmp_path: Path, settings: Settings) -> Path:
    """Return a key file with one key, and no key elsewhere."""
    path = tmp_path / "keys"
    path.write_text("key-one\n", encoding="utf-8")
    settings.OPENAI_API_KEY = ""
    settings.OPENAI_API_KEY_FILE = str(path)
    return path


def replace_keys(path: Path, *keys: str, seconds_later: int = 10) -> None:
    """Write new keys, and move the modification time on by what a clock would."""
    modified = path.stat().st_mtime_ns + seconds_later * 10**9
    path.write_text("\n".join(keys), encoding="utf-8")
    os.utime(path, ns=(modified, modified))


@pytest.mark.parametrize(
    ("named", "in_file", "expected"),
    [
        ("", "", ()),
        ("a", "", ("a",)),
        (" a, b ,,a ", "", ("a", "b")),
        ("", "c\n\n d \r\nc\n", ("c", "d")),
        ("a", "b\na", ("a", "b")),
    ],
)
def test_list_keys_joins_both_sources(
    settings: Settings, key_file: Path, named: str, in_file: str, expected: tuple[str, ...]
) -> None:
    settings.OPENAI_API_KEY = named
    key_file.write_text(in_file, encoding="utf-8")
    assert KeyRing().list_keys() == expected


def test_file_is_read_again_when_it_changed(key_file: Path) -> None:
    ring = KeyRing()
    assert ring.find_usable() == "key-one"
    replace_keys(key_file, "key-two")
    assert ring.find_usable() == "key-two"


def test_file_is_read_again_when_a_key_was_set_aside(key_file: Path) -> None:
    ring = KeyRing()
    assert ring.find_usable() == "key-one"
    replace_keys(key_file, "key-two", seconds_later=0)
    ring.set_aside("key-one", error=ModelKeyRejected())
    assert ring.find_usable() == "key-two"


def test_file_is_read_again_when_an_older_one_took_its_place(key_file: Path) -> None:
    ring = KeyRing()
    assert ring.find_usable() == "key-one"
    facts = key_file.stat()
    other = key_file.with_name("prepared")
    other.write_text("key-two\n", encoding="utf-8")
    os.utime(other, ns=(facts.st_mtime_ns, facts.st_mtime_ns))
    other.replace(key_file)
    assert ring.find_usable() == "key-two"


def test_keys_are_kept_when_the_file_is_empty_for_a_moment(key_file: Path) -> None:
    ring = KeyRing()
    assert ring.find_usable() == "key-one"
    key_file.write_text("", encoding="utf-8")
    assert ring.find_usable() == "key-one"
    replace_keys(key_file, seconds_later=-60)
    assert ring.find_usable() is None


def test_keys_are_kept_when_the_file_is_gone_for_a_moment(key_file: Path) -> None:
    ring = KeyRing()
    assert ring.find_usable() == "key-one"
    key_file.unlink()
    assert ring.find_usable() == "key-one"


def test_key_comes_back_when_its_cool_down_ends(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "key-one,key-two"
    settings.OPENAI_API_KEY_FILE = ""
    now = [0.0]
    ring = KeyRing(clock=lambda: now[0])
    ring.set_aside("key-one", error=ModelQuotaExhausted())
    assert ring.find_usable() == "key-two"
    ring.set_aside("key-two", error=ModelKeyRejected())
    assert ring.find_usable() is None
    assert isinstance(ring.get_refusal(), ModelQuotaExhausted)
    now[0] = SET_ASIDE_SECONDS
    assert ring.find_usable() == "key-one"


def test_fingerprint_tells_keys_apart_and_hides_them() -> None:
    assert fingerprint("sk-secret") != fingerprint("sk-other")
    assert fingerprint("sk-secret") not in "sk-secret"
    assert len(fingerprint("sk-secret")) == 8


async def test_new_key_of_the_file_answers_when_the_old_one_was_revoked(
    upstream: UpstreamServer, make_request: MakeRequest, key_file: Path
) -> None:
    upstream.behave("401", key="key-one")
    engine = OpenAIEngine(keys=KeyRing())
    with pytest.raises(ModelKeyRejected):
        await collect(engine, make_request())
    replace_keys(key_file, "key-one", "key-new")
    assert join_text(await collect(engine, make_request())) == "Parcels arrive in three days."
    assert [request["key"] for request in upstream.requests] == ["key-one", "key-new"]


async def test_no_turn_fails_when_the_key_is_rotated_under_them(
    upstream: UpstreamServer, make_request: MakeRequest, key_file: Path
) -> None:
    """The new key is put there first and the old one revoked next, while turns stream."""
    upstream.behave("slow", tokens_per_s=100)
    engine = OpenAIEngine(keys=KeyRing())

    async def ask_on(until: asyncio.Event) -> int:
        turns = 0
        while not until.is_set():
            text = join_text(await collect(engine, make_request()))
            assert text == "Parcels arrive in three days."
            turns += 1
        return turns

    done = asyncio.Event()
    customers = [asyncio.create_task(ask_on(done)) for _ in range(5)]
    await used_by(upstream, "key-one", times=10)
    replace_keys(key_file, "key-two")
    upstream.behave("401", key="key-one")
    await used_by(upstream, "key-two", times=10)
    done.set()
    assert min(await asyncio.gather(*customers)) > 1


async def used_by(upstream: UpstreamServer, key: str, *, times: int) -> None:
    """Wait until the upstream heard a key so often."""

    async def is_used() -> bool:
        return [one["key"] for one in upstream.requests].count(key) >= times

    await until(is_used)


@pytest.fixture
def states(
    transactional_db: None,
    shipped_prices: None,
    upstream: UpstreamServer,
    monkeypatch: pytest.MonkeyPatch,
) -> pytest.MonkeyPatch:
    """States are written at once, and nothing is known of any key."""
    monkeypatch.setattr(key_states, "WRITE_SECONDS", 0.0)
    monkeypatch.setattr(key_states, "_fares", {})
    monkeypatch.setattr(key_states, "_pending", {})
    return monkeypatch


async def state_of(key: str, *, wanted: str) -> KeyState:
    """Wait until a key's row says what it should."""
    rows = KeyState.objects.filter(fingerprint=fingerprint(key), state=wanted)
    await until(rows.aexists)
    return await rows.aget()


@pytest.mark.usefixtures("states")
@pytest.mark.parametrize(
    ("mode", "state", "code"),
    [("401", "rejected", "model_key_rejected"), ("quota", "out_of_quota", "model_quota_exhausted")],
)
async def test_state_is_written_when_a_key_is_refused_and_when_one_answers(
    upstream: UpstreamServer,
    make_request: MakeRequest,
    settings: Settings,
    mode: str,
    state: str,
    code: str,
) -> None:
    settings.OPENAI_API_KEY = "key-one,key-two"
    upstream.behave(mode, key="key-one")
    await collect(OpenAIEngine(keys=KeyRing()), make_request())
    refused = await state_of("key-one", wanted=state)
    assert refused.code == code
    assert refused.aside_until is not None
    assert refused.last_used_at is None
    working = await state_of("key-two", wanted="usable")
    assert working.last_used_at is not None
    assert working.aside_until is None


async def test_states_are_written_once_when_many_turns_come(
    states: pytest.MonkeyPatch, upstream: UpstreamServer, make_request: MakeRequest
) -> None:
    stored: list[str] = []
    states.setattr(key_states, "WRITE_SECONDS", 0.3)
    states.setattr(key_states, "_store", lambda print_, fare: stored.append(print_))
    engine = OpenAIEngine(keys=KeyRing())
    for _ in range(5):
        await collect(engine, make_request())

    async def is_stored() -> bool:
        return bool(stored)

    await until(is_stored)
    assert len(stored) == 1
    assert len(upstream.requests) == 5


async def test_state_waits_when_the_database_is_away(states: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OperationalError

    states.setattr(key_states, "WRITE_SECONDS", 60.0)
    with states.context() as away:
        away.setattr(key_states, "_store", fail)
        key_states.note_refused("aaaa", error=ModelKeyRejected(), rests=600)
        await in_database_thread(key_states.write_states)()
    await in_database_thread(key_states.write_states)()
    row = await KeyState.objects.aget(fingerprint="aaaa")
    assert row.state == "rejected"
