"""What of a streamed answer may be shown, piece by piece."""

import pytest

from assistant.release import CanaryLeaked, Release

CANARY = "kx-0123456789abcdef"


def stream(text: str, *, size: int) -> tuple[str, list[int]]:
    release = Release(canary=CANARY)
    shown = "".join(release.feed(text[start : start + size]) for start in range(0, len(text), size))
    return (shown + release.finish()).rstrip(), release.cited


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("text", "expected", "cited"),
    [
        ("Plain text.", "Plain text.", []),
        ("You have 30 days [1]. Refunds [2, 3].", "You have 30 days. Refunds.", [1, 2, 3]),
        (
            "See [the page](https://a.example/b) now.",
            "See [the page](https://a.example/b) now.",
            [],
        ),
        ("Array a[0x] stays.", "Array a[0x] stays.", []),
        ("Ends with [", "Ends with [", []),
        ("- one [1]\n- two [1]\n", "- one\n- two", [1, 1]),
        ("Umlaute \u00e4\u00f6 \U0001f600 ok", "Umlaute \u00e4\u00f6 \U0001f600 ok", []),
    ],
)
def test_release_shows_everything_but_marks(
    text: str, expected: str, cited: list[int], size: int
) -> None:
    assert stream(text, size=size) == (expected, cited)


def test_release_holds_an_unfinished_link_back() -> None:
    release = Release(canary=CANARY)
    assert release.feed("See [the page](https://a.exam") == "See"
    assert release.feed("ple/b) now") == " [the page](https://a.example/b) now"


@pytest.mark.parametrize("size", [1, 4, 100])
def test_release_when_the_canary_comes_shows_none_of_it(size: int) -> None:
    release = Release(canary=CANARY)
    shown: list[str] = []
    text = f"My mark is {CANARY}."

    def feed_all() -> None:
        shown.extend(release.feed(text[at : at + size]) for at in range(0, len(text), size))

    with pytest.raises(CanaryLeaked):
        feed_all()
    assert "kx-0" not in "".join(shown)
