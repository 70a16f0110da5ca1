"""Personal data is found in what customers write, and comes back where it belongs."""

import random
import re
import time
import uuid
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.redaction import (
    Redactor,
    Span,
    StreamRestorer,
    check_patterns,
    find_spans,
    spans,
)
from core.errors import BadInput
from tests.assistant.redaction_rows import ALL_ROWS

MARKED = re.compile(r"\{([A-Z_]+)\|([^{}]*)\}")
# Pieces that the finders read on from, repeated: none may be read more than a few times.
HOSTILE = (
    "1", "0171 ", "0171 2345678 ", "+44 7700 900123 ", "1-", "(1", "a@", "a.", "@", "a@b.", "4111 ",
    "4111 1111 1111 1111 ", "GB82 ", "passport ", "cvv-", "1.", "f:", "://a:", "<EMAIL_", "a (at) ",
    "a at b dot ", "call 0171 2345 ", "123-45-6789 ", "\u200b", "\u0661 ", "\u4e2d", "x" * 64 + "@",
)  # fmt: skip
WORDS = (
    "call", "order", "card", "+44", "7700", "900123", "4111111111111111", "<EMAIL_1>", "a@b.co",
    "\u200b", "٠١٢", "@", ".", "GB82WEST12345698765432", "<", "é", " ", "\n",
)  # fmt: skip


def unmark(row: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a row's text, and what is marked in it as ``(type, words)``."""
    return MARKED.sub(r"\2", row), MARKED.findall(row)


def found_in(text: str, **options: str) -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.end]) for span in find_spans(text, **options)]


@pytest.mark.parametrize("row", ALL_ROWS)
def test_find_spans_on_rows_written_by_hand(row: str) -> None:
    text, marked = unmark(row)

    assert found_in(text) == marked


@pytest.mark.parametrize(
    ("locale", "number"),
    [
        ("de", "030 901820"),
        ("de-AT", "0664 1234567"),
        ("fr", "06 12 34 56 78"),
        ("es", "612 34 56 78"),
        ("pt-BR", "(11) 91234-5678"),
        ("pl", "512 345 678"),
        ("da", "32 12 34 56"),
        ("ja", "090-1234-5678"),
        ("en-AU", "0412 345 678"),
    ],
)
def test_find_spans_when_the_locale_knows_the_number(locale: str, number: str) -> None:
    assert found_in(f"Hallo {number} !", locale=locale) == [("PHONE", number)]


def test_find_spans_gives_code_points_of_the_original() -> None:
    text = "🙂🙂\u200b an\u200bna@example.com"

    assert find_spans(text) == [Span("EMAIL", 4, len(text))]


def test_find_spans_when_the_site_has_a_pattern() -> None:
    text = "I live at 12 Mill Lane, mail a@example.com"

    found = find_spans(text, patterns=[r"\d+ \w+ (?:street|lane|road)"])

    assert [(one.type, text[one.start : one.end]) for one in found] == [
        ("ADDRESS", "12 Mill Lane"),
        ("EMAIL", "a@example.com"),
    ]


def test_find_spans_looks_through_a_text_once_but_for_the_sites_patterns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []

    def find_emails(text: str) -> Iterator[tuple[int, int]]:
        looked.append(text)
        return iter([])

    monkeypatch.setattr(spans, "find_emails", find_emails)
    said = f"{uuid.uuid4().hex} Elm Road, it is said again and again"
    for _ in range(3):
        assert not find_spans(said)
    assert [one.type for one in find_spans(said, patterns=["Elm Road"])] == ["ADDRESS"]
    assert looked[0] == said
    assert len(looked) == 2


def test_find_spans_when_a_sites_pattern_never_ends(caplog: pytest.LogCaptureFixture) -> None:
    text = "a" * 5_000 + " b@example.com"
    began = time.monotonic()

    found = find_spans(text, patterns=[r"(a|a?)+(?:aa?)+$x", "["])

    assert [one.type for one in found] == ["EMAIL"]
    assert time.monotonic() - began < 5
    assert [record.args for record in caplog.records] == [(1, "TimeoutError"), (2, "error")]


def test_check_patterns_when_one_is_malformed() -> None:
    check_patterns([r"\d+ \w+"])
    with pytest.raises(BadInput, match=r"\("):
        check_patterns([r"\d+", "("])


@pytest.mark.parametrize("piece", HOSTILE)
def test_find_spans_takes_linear_time_on_hostile_text(piece: str) -> None:
    short, long = (piece * (size // len(piece)) for size in (4_000, 100_000))
    find_spans(short)

    assert _seconds(short) < 1
    # Ten seconds for 25 times the text: what was quadratic would take minutes.
    assert _seconds(long) < 10


def test_find_spans_is_fast_on_a_message() -> None:
    message = (
        "Hello, my order HP-10427 has not arrived. I am Anna, anna@example.com or 07700 900123; I "
        "paid 49.90 with 4111 1111 1111 1111 on 2024-05-12. "
    )
    message = (message * 4)[:500]
    find_spans(message)

    # Two milliseconds are the aim; the bound allows for a busy machine.
    assert min(_seconds(message) for _ in range(20)) < 0.006


def _seconds(text: str) -> float:
    # What was looked through before costs nothing.
    spans._kept.cache_clear()
    began = time.perf_counter()
    find_spans(text)
    return time.perf_counter() - began


def test_redact_numbers_values_in_order_of_appearance() -> None:
    redactor = Redactor()

    first = redactor.redact("b@example.com or a@example.com, call 020 7946 0018")
    second = redactor.redact("A@Example.com, 030 901820 or +44 20 7946 0018")

    assert first == "<EMAIL_1> or <EMAIL_2>, call <PHONE_1>"
    assert second == "<EMAIL_2>, <PHONE_2> or <PHONE_1>"
    assert redactor.known == {"b@example.com", "a@example.com", "020 7946 0018", "030 901820"}
    assert redactor.counts == {"EMAIL": 2, "PHONE": 2}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("4111 1111 1111 1111", "4111-1111-1111-1111"),
        ("GB82 WEST 1234 5698 7654 32", "gb82west12345698765432"),
        ("anna@example.com", "ANNA@EXAMPLE.COM"),
        ("anna@example.com", "an\u200bna\uff20example.com"),
        ("07700 900123", "+44 7700 900 123"),
        ("(212) 555-0147", "+1 212.555.0147"),
        ("0049 30 901820", "+49 30 901820"),
    ],
)
def test_redact_when_a_value_is_spelt_twice(one: str, other: str) -> None:
    redactor = Redactor()

    assert redactor.redact(f"call {one}") == redactor.redact(f"call {other}")


def test_redact_when_extensions_differ() -> None:
    redactor = Redactor()
    text = "212-555-0147 x1 or 212-555-0147 x2"

    assert redactor.redact(text) == "<PHONE_1> or <PHONE_2>"
    assert redactor.restore(redactor.redact(text)) == text


def test_redact_when_rebuilt_is_the_same() -> None:
    texts = [unmark(row)[0] for row in ALL_ROWS]
    one, other = Redactor(), Redactor()

    assert [one.redact(text) for text in texts] == [other.redact(text) for text in texts]


def test_redact_leaves_nothing_personal_behind() -> None:
    for row in ALL_ROWS:
        text, marked = unmark(row)
        redacted = Redactor().redact(text)
        assert not [words for _, words in marked if words in redacted]


def test_restore_when_the_customer_typed_a_placeholder() -> None:
    redactor = Redactor()
    mine = redactor.redact("I am a@example.com")
    typed = redactor.redact("Send it to <EMAIL_1> and <PHONE_1>")

    assert typed == "Send it to <TEXT_1> and <TEXT_2>"
    assert redactor.restore(typed) == "Send it to <EMAIL_1> and <PHONE_1>"
    assert redactor.restore(mine) == "I am a@example.com"
    assert redactor.known == {"a@example.com"}
    assert redactor.counts == {"EMAIL": 1}


@pytest.mark.parametrize("typed", ["<TEXT_1>", "<TEXT_1> <EMAIL_1> <TEXT_2>", "<EM\u200bAIL_1>"])
def test_restore_when_it_looks_like_an_escape(typed: str) -> None:
    redactor = Redactor()

    redacted = redactor.redact(f"{typed} a@example.com")

    assert redactor.restore(redacted) == f"{typed} a@example.com"


def test_restore_when_the_placeholder_is_nobodys() -> None:
    redactor = Redactor()
    redactor.redact("a@example.com")

    assert redactor.restore("<EMAIL_2> <EMAIL_01> <NAME_1>") == "<EMAIL_2> <EMAIL_01> <NAME_1>"


def test_restore_value_in_arguments_of_a_tool() -> None:
    redactor = Redactor()
    arguments = {"to": "a@example.com", "lines": ["call +44 7700 900123", 3, None], "express": True}

    redactor.redact("a@example.com or +44 7700 900123")
    asked = {"to": "<EMAIL_1>", "lines": ["call <PHONE_1>", 3, None], "express": True}

    assert redactor.restore_value(asked) == arguments


@given(st.lists(st.sampled_from(WORDS), max_size=25).map("".join))
def test_restore_gives_back_a_single_text(text: str) -> None:
    redactor = Redactor()

    restored = redactor.restore(redactor.redact(text))

    assert redactor.redact(restored) == redactor.redact(text)
    if len(redactor.known) == len(find_spans(text)):
        assert restored == text


@given(st.lists(st.sampled_from(WORDS), max_size=25).map("".join))
def test_find_spans_are_in_order_and_apart(text: str) -> None:
    spans = find_spans(text)

    assert all(0 <= one.start < one.end <= len(text) for one in spans)
    assert all(one.end <= other.start for one, other in pairwise(spans))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_stream_restorer_when_cut_anywhere(size: int) -> None:
    redactor = Redactor()
    redactor.redact("a@example.com +44 7700 900123 SSN 536-22-8145")
    written = "To <EMAIL_1>, <PHONE_1> <<EMAIL_1>> 1 < 2 <b>x</b> <NATIONAL_ID_1> <EMAIL_9> <EMA"
    restorer = StreamRestorer(redactor)

    shown = [restorer.feed(written[at : at + size]) for at in range(0, len(written), size)]

    assert "".join([*shown, restorer.finish()]) == redactor.restore(written)
    assert restorer.finish() == ""


def test_stream_restorer_holds_back_no_more_than_a_placeholder() -> None:
    redactor = Redactor()
    redactor.redact("a@example.com")
    restorer = StreamRestorer(redactor)
    chance = random.Random(7)
    given = shown = 0
    for _ in range(2_000):
        piece = "".join(chance.choice("<EMAIL_1>NATIO ") for _ in range(chance.randint(1, 4)))
        given += len(piece)
        shown += len(restorer.feed(piece))
        # A restored value is longer than its placeholder, never shorter.
        assert given - shown <= len("<NATIONAL_ID_12345>")


def test_stream_restorer_shows_plain_text_at_once() -> None:
    restorer = StreamRestorer(Redactor())

    assert restorer.feed("Returns take 5 < 30 days") == "Returns take 5 < 30 days"
    assert restorer.feed(" <b") == " <b"
    assert restorer.feed(" <") == " "
    assert restorer.feed("3") == "<3"
