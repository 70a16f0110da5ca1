"""Where keys come from, how they rotate, and that their values stay inside."""

import os
from pathlib import Path

import pytest
from pytest_django import Settings

from llm.client import OpenAIEngine
from llm.errors import ModelKeyRejected, ModelQuotaExhausted
from llm.keys import SET_ASIDE_SECONDS, KeyRing, fingerprint
from tests.llm.conftest import MakeRequest, collect, join_text
from tests.upstream.server import UpstreamServer


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
