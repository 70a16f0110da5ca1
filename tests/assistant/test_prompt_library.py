"""Prompts by name and version, in both forms."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from assistant import prompt_library
from assistant.prompt_library import Prompt, canary, list_prompts, load_prompt
from core.errors import NotFound, SupportError


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of prompts in place of the shipped ones."""
    monkeypatch.setattr(prompt_library, "PROMPTS", tmp_path)
    prompt_library._versions.cache_clear()
    (tmp_path / "greet").mkdir()
    for version in ("1", "2", "10", "draft"):
        (tmp_path / "greet" / f"{version}.md").write_text(f"Version {version} of {{site}}.\n")
    yield tmp_path
    prompt_library._versions.cache_clear()


def test_newest_version_is_loaded_when_none_is_named(files: Path) -> None:
    assert load_prompt("greet") == Prompt("greet", 10, "Version 10 of {site}.\n")
    assert load_prompt("greet", 2).label == "greet/2"


def test_all_prompts_are_listed_the_newest_first(files: Path) -> None:
    assert [prompt.label for prompt in list_prompts()] == ["greet/10", "greet/2", "greet/1"]


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("nothing", None, "no prompt named 'nothing'"),
        ("../secrets", None, "no prompt named"),
        ("", None, "no prompt named"),
        ("greet", 3, "no version 3, but 1, 2, 10"),
    ],
)
def test_unknown_prompt_is_refused_with_words(
    files: Path, name: str, version: int | None, said: str
) -> None:
    with pytest.raises(NotFound, match=said) as caught:
        load_prompt(name, version)
    assert isinstance(caught.value, SupportError)


def test_only_the_asked_form_is_rendered() -> None:
    text = "a\n<!-- plain -->\nb\n<!-- structured -->\nc\n<!-- end -->\nd\n"
    prompt = Prompt("x", 1, text)
    assert prompt.render() == "a\nb\nd"
    assert prompt.render(structured=True) == "a\nc\nd"


def test_values_are_put_in_once_and_braces_are_harmless() -> None:
    prompt = Prompt("x", 1, 'Of {site}: {"answer": 1} {unknown}')
    assert prompt.render(site="{canary}") == 'Of {canary}: {"answer": 1} {unknown}'


@pytest.mark.parametrize("version", [1, 2])
def test_answers_prompt_tells_the_form_it_is_rendered_in(version: int) -> None:
    prompt = load_prompt("answer", version)
    plain = prompt.render(site="Acme", canary=canary())
    structured = prompt.render(site="Acme", canary=canary(), structured=True)
    assert "request_hand_off" in plain
    assert "needs_human" not in plain
    assert "needs_human" in structured
    assert "request_hand_off" not in structured
    for text in (plain, structured):
        assert "Acme" in text
        assert text.count(canary()) == 1
        assert "<!--" not in text


def test_no_secret_is_in_any_prompt(settings: LazySettings) -> None:
    secrets = {settings.SECRET_KEY, settings.OPENAI_API_KEY} - {""}
    for prompt in list_prompts():
        rendered = prompt.render(structured=True, canary=canary(), site="Acme")
        assert not [secret for secret in secrets if secret in rendered]
