"""`manage.py doctor` about models: their flags, without a request unless one is asked for."""

import pytest
from pytest_django import Settings

from llm.capabilities import Capabilities, store_capabilities
from llm.keys import fingerprint
from llm.models import KeyState
from supportbot.diagnosis import Finding, State, examine

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _two_models(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supportbot.diagnosis._workers", list)
    settings.OPENAI_API_KEY = "key-one"
    settings.OPENAI_BASE_URL = ""
    settings.OPENAI_SMALL_MODELS = settings.OPENAI_MODELS = ["gpt-4.1-mini"]
    settings.OPENAI_STRONG_MODELS = ["o3"]


def models(*, probe: bool = False) -> list[Finding]:
    return [one for one in examine(probe=probe) if one.subject.startswith(("model ", "probe "))]


def test_flags_when_the_models_are_openais_are_known() -> None:
    small, strong = models(probe=True)
    assert small.subject == "model gpt-4.1-mini (small, standard)"
    assert small.text.startswith("structured_output yes")
    assert "logprobs no" in strong.text
    assert {small.state, strong.state} == {State.OK}


def test_flags_when_a_server_was_not_asked_are_missing(settings: Settings) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    assert {one.state for one in models()} == {State.WARNING}
    assert "doctor --probe" in models()[0].advice
    store_capabilities("o3", Capabilities(structured_output=True))
    asked = models()[1]
    assert (asked.state, asked.text.split(",")[0]) == (State.OK, "structured_output yes")


def test_probe_when_the_server_is_away_is_told(settings: Settings) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    found = {one.subject: one for one in models(probe=True)}
    assert found["probe of o3"].text == "model_unavailable"
    assert found["probe of o3"].state == State.WARNING


def test_models_when_there_is_no_key_are_not_named(settings: Settings) -> None:
    settings.OPENAI_API_KEY = ""
    assert models() == []


def test_model_that_has_no_price_is_told_of(settings: Settings) -> None:
    settings.OPENAI_STRONG_MODELS = ["our-own-model"]
    (found,) = [one for one in examine() if one.subject.startswith("price ")]
    assert (found.subject, found.state) == ("price of our-own-model", State.WARNING)


def test_key_when_it_was_refused_is_told_of_by_its_fingerprint() -> None:
    KeyState.objects.create(fingerprint=fingerprint("key-one"), state="rejected")
    KeyState.objects.create(fingerprint=fingerprint("key-gone"), state="rejected")
    (found,) = [one for one in examine() if one.subject.startswith("key ")]
    assert (found.subject, found.state) == (f"key {fingerprint('key-one')}", State.WARNING)
    assert found.text.startswith("refused since")
