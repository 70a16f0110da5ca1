"""What a long sentence costs the output's guard, and that nothing in it passes for that."""

import time

import pytest

from assistant.output_guard import OutputViolation
from tests.assistant.test_output_guard import make_guard

WORDS = "unused items within days of delivery or refunds take five days and "
# What these take is a fraction of it; read as a whole for each piece they take several times it.
MOST_SECONDS = 1.2


@pytest.mark.parametrize("piece", ["1 a ", "1,", "A1 ", "a@ ", "12 ", "I can, ", "we 1 "])
def test_long_sentence_is_not_read_anew_for_each_piece(piece: str) -> None:
    text = (piece * 3_200)[:3_200]
    guard = make_guard()
    began = time.process_time()

    for at in range(0, len(text), 3):
        guard.feed(text[at : at + 3])

    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize("size", [1, 3, 8])
@pytest.mark.parametrize("before", [0, 1, 7, 40])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("write to mia.long-name@mail.home.example now", "EMAIL"),
        (f"write to mia@{'sub-domain.' * 30}example.com now", "EMAIL"),
        ("call 0171 / 234 56 78 now", "PHONE"),
        ("+44 7700 900123 now", "PHONE"),
        ("4111 1111 1111 1111 now", "CARD"),
        ("by card, which you gave us when you paid for all of it: 6304 0000 0000 0000 now", "CARD"),
        ("GB82 WEST 1234 5698 7654 32 now", "IBAN"),
        ("passport of theirs, the red one C01X00T47 now", "NATIONAL_ID"),
        ("https://mia:secret-word@shop.example/ now", "CREDENTIALS"),
    ],
)
def test_value_that_is_split_is_found_before_its_sentence_ends(
    value: str, kind: str, before: int, size: int
) -> None:
    text = f"You can return {WORDS * before}{value}"
    guard = make_guard()

    def feed_all() -> None:
        for at in range(0, len(text), size):
            guard.feed(text[at : at + size])

    with pytest.raises(OutputViolation) as raised:
        feed_all()
    assert (raised.value.kind, raised.value.detail) in {
        ("personal", kind),
        ("link", raised.value.detail),
    }


@pytest.mark.parametrize("before", range(0, 120, 7))
def test_number_of_an_order_is_no_telephone_wherever_the_look_begins(before: int) -> None:
    text = f"You can return order 0171 2345678 {'x' * before} 1 {WORDS * 2} 5 days"
    guard = make_guard()

    shown = "".join(guard.feed(text[at : at + 2]) for at in range(0, len(text), 2))

    assert "0171 2345678" in shown
