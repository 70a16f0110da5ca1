"""Which engine is chosen, what loads the SDK, and the scripted engine for other tests."""

import asyncio
import subprocess
import sys

import pytest
from pytest_django import Settings

from llm.engines import HAND_OFF_TOOL, choose_engine, extractive_engine, moderate
from llm.errors import ModelUnavailable
from llm.testing import ScriptedEngine, make_answer, make_hand_off
from llm.types import Finished, TextDelta, ToolCallRequest
from tests.llm.conftest import MakeRequest
from tests.upstream.server import UpstreamServer
from tests.upstream.validation import find_errors


@pytest.mark.parametrize(("key", "name"), [("", "extractive"), ("key-one", "openai")])
def test_engine_is_chosen_by_the_key(settings: Settings, key: str, name: str) -> None:
    settings.OPENAI_API_KEY = key
    settings.OPENAI_API_KEY_FILE = ""
    assert choose_engine().name == name
    assert choose_engine() is choose_engine()
    assert extractive_engine().name == "extractive"


def test_sdk_is_not_loaded_by_what_web_processes_import() -> None:
    modules = "llm.types, llm.errors, llm.engines, llm.extractive, llm.keys, llm.testing"
    code = (
        f"import sys, django; django.setup(); import {modules}; sys.exit('openai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_moderation_is_not_asked_without_a_key(
    upstream: UpstreamServer, settings: Settings
) -> None:
    assert await moderate("some text") is not None
    settings.OPENAI_API_KEY = ""
    assert await moderate("some text") is None
    assert len(upstream.requests) == 1


def test_hand_off_tool_is_one_the_api_takes() -> None:
    function = {
        "name": HAND_OFF_TOOL.name,
        "description": HAND_OFF_TOOL.description,
        "parameters": HAND_OFF_TOOL.parameters,
    }
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": function}],
    }
    assert find_errors("chat", body=body) == []
    assert find_errors("chat", body={**body, "temprature": 1}) != []


async def test_scripted_engine_plays_its_scripts_in_order(make_request: MakeRequest) -> None:
    engine = ScriptedEngine(default=make_hand_off("cannot_answer"))
    engine.add_script("Hi?", *make_answer("Hel", "lo."))
    engine.add_script("Hi?", TextDelta("Half"), ModelUnavailable())
    request = make_request(question="Hi?")
    first = [event async for event in engine.stream_reply(request)]
    assert first[:2] == [TextDelta("Hel"), TextDelta("lo.")]
    assert first[-1] == Finished("stop")
    for _ in range(2):
        events = engine.stream_reply(request)
        assert await anext(events) == TextDelta("Half")
        with pytest.raises(ModelUnavailable):
            await anext(events)
    other = [event async for event in engine.stream_reply(make_request(question="Other?"))]
    assert isinstance(other[0], ToolCallRequest)
    assert len(engine.requests) == 4


async def test_scripted_engine_waits_when_it_is_paused(make_request: MakeRequest) -> None:
    go_on = asyncio.Event()
    engine = ScriptedEngine()
    engine.add_script("Hi?", TextDelta("One"), go_on, TextDelta("Two"))
    events = engine.stream_reply(make_request(question="Hi?"))
    assert await anext(events) == TextDelta("One")
    following = asyncio.ensure_future(anext(events))
    done, _ = await asyncio.wait({following}, timeout=0.05)
    assert not done
    go_on.set()
    assert await following == TextDelta("Two")


async def test_scripted_engine_complains_without_a_script(make_request: MakeRequest) -> None:
    with pytest.raises(AssertionError, match="no script"):
        await anext(ScriptedEngine().stream_reply(make_request(question="Hi?")))
