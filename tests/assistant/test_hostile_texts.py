"""Texts made to take long, or to be read otherwise by a browser than by the checks."""

import time
from collections.abc import Callable

import pytest

from assistant.holding_back import HoldBack, host_of
from assistant.input_checks import injection_signals
from assistant.output_guard import OutputViolation
from assistant.routing import count_parts
from assistant.sentences import sentence_end

CHARACTERS = 4_000
# Several times what any of them takes; what reads on from each character takes more.
MOST_SECONDS = 0.25
PIECES = (
    "\n", "\n ", " ", "\t", ".", ". ", "*", "[", "![", "[a](", "](", "(", "a", "1", "1-", "[1,",
    "@", "a@", "h", "# ", "#\n", "<", "q: a: ", "import ", "ignore a ", "repeat ", "e.g. A", "AB ",
    "\n, ",
)  # fmt: skip


def seconds_of(text: str) -> dict[str, float]:
    """Return the processor's time that each look at a text takes."""

    def hold_back(one: str) -> None:
        holding = HoldBack(hosts=["shop.example"], sources="")
        holding.feed(one)
        holding.finish()

    looks: dict[str, Callable[[str], object]] = {
        "sentences": sentence_end,
        "links": hold_back,
        "signals": injection_signals,
        "parts": count_parts,
    }
    spent: dict[str, float] = {}
    for name, look in looks.items():
        began = time.process_time()
        look(text)
        spent[name] = time.process_time() - began
    return spent


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("end", ["", "x"])
def test_text_of_one_piece_repeated_is_read_a_few_times_only(piece: str, end: str) -> None:
    text = (piece * CHARACTERS)[:CHARACTERS] + end

    spent = seconds_of(text)

    assert max(spent.values()) < MOST_SECONDS, spent


@pytest.mark.parametrize("digits", [5, 5_000])
def test_mark_of_a_number_that_no_passage_has_is_taken_out(digits: int) -> None:
    holding = HoldBack(hosts=[], sources="")

    shown = holding.feed(f"Refunds take five days [{'7' * digits}, 2].") + holding.finish()

    assert shown == "Refunds take five days."
    assert holding.cited == [2]


@pytest.mark.parametrize("size", [1, 7, 5_000])
@pytest.mark.parametrize(
    "text",
    [
        "See https://shop.example@evil.test/ now.",
        "See https://evil.test@shop.example/ now.",
        "See [it](https://evil.test@shop.example/) now.",
        "See [it](https://evil.test\\@shop.example/) now.",
        "See https://evil.test\\.shop.example/ now.",
        "See https:\\\\evil.test/ or [it](//evil.test/a).",
        f"See https://shop.example:{'4' * 500}@evil.test/ now.",
        f"See https://shop.example:{'a' * 500}@evil.test/ now.",
        f'See [it](//evil.test "{"a" * 500}") now.',
        f"See [it](\\\\evil.test/{'a' * 2_500}) now.",
        f"See [{'a' * 500}](/\\evil.test/) now.",
        "See [it].\n\n[it]: //evil.test/a",
        '<a href="//evil.test">it</a>',
    ],
)
def test_link_that_a_browser_reads_otherwise_ends_the_answer(text: str, size: int) -> None:
    holding = HoldBack(hosts=["shop.example"], sources="")

    def feed_all() -> None:
        for at in range(0, len(text), size):
            holding.feed(text[at : at + size])
        holding.finish()

    with pytest.raises(OutputViolation) as raised:
        feed_all()
    assert raised.value.kind == "link"


def test_image_in_a_link_leaves_no_image() -> None:
    holding = HoldBack(hosts=["shop.example"], sources="")

    shown = holding.feed("See [![it](/a.png)](/pixel.png) now.") + holding.finish()

    assert "](" not in shown


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://Shop.example/a?b=c@d", "shop.example"),
        ("www.shop.example", "www.shop.example"),
        ("https://shop.example:8443/", "shop.example"),
        ("https://mia@shop.example/", ""),
        ("https://shop.example\\@evil.test/", ""),
        ("https://shop.example:port/", ""),
        ("ftp://shop.example/", ""),
    ],
)
def test_host_of(address: str, host: str) -> None:
    assert host_of(address) == host
