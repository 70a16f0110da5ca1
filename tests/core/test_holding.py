"""What is held is read once for a moment, each argument by itself."""

from typing import Any

import pytest

from core import holding


def test_held_value_is_followed_after_its_time(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SETTINGS_HELD_SECONDS = 2.0
    now, reads = [100.0], list[str]()
    monkeypatch.setattr(holding.time, "monotonic", lambda: now[0])

    @holding.held
    def read(name: str) -> int:
        reads.append(name)
        return len(reads)

    assert [read("a"), read("a"), read("b")] == [1, 1, 2]
    now[0] += 1.9
    assert read("a") == 1
    now[0] += 0.2
    assert [read("a"), read("a")] == [3, 3]
    assert reads == ["a", "b", "a"]


def test_what_failed_is_not_held(settings: Any) -> None:
    settings.SETTINGS_HELD_SECONDS = 2.0
    answers = [ZeroDivisionError(), None]

    @holding.held
    def read() -> str:
        if (error := answers.pop(0)) is not None:
            raise error
        return "there"

    with pytest.raises(ZeroDivisionError):
        read()
    assert read() == "there"
