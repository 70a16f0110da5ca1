"""Card numbers are masked wherever they are written; other numbers stay."""

import pytest

from core import cards
from core.cards import mask_cards


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4111 1111 1111 1111", "•••• 1111"),
        ("card 4111111111111111, CVV 123!", "card •••• 1111, CVV •••!"),
        ("5555-5555-5555-4444 and 378282246310005", "•••• 4444 and •••• 0005"),
        ("４１１１ １１１１ １１１１ １１１１ 🙂", "•••• 1111 🙂"),  # noqa: RUF001
        ("4111\u200b1111\u200b1111\u200b1111 end", "•••• 1111 end"),
        ("Prüfziffer: 987", "Prüfziffer: •••"),
        ("cid is 1234 and 4111.1111.1111.1111", "cid is •••• and •••• 1111"),
        ("my card 4111 1111 1111\n1111", "my card •••• 1111"),
        ("card4111111111111111!", "card•••• 1111!"),
        ("card: 4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "card: •••• 1111"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 is my card", "•••• 1111 is my card"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", None),
        ("parts 4111\n1111\n1111\n1111", None),
        ("tracking 1Z4111111111111111", None),
        ("order HP-10427, tracking 00340434161094042557", None),
        ("4111 1111 1111 1112", None),
        ("tracking number 4111111111111111", None),
        ("•••• 1111", None),
        ("call +44 7700 900123", None),
        ("", None),
    ],
)
def test_mask_cards(text: str, masked: str | None) -> None:
    expected = text if masked is None else masked

    assert mask_cards(text) == expected
    assert mask_cards(expected) == expected


def test_mask_cards_never_makes_a_text_longer() -> None:
    text = "4111 1111 1111 1111 cvv 123 " * 142

    assert len(mask_cards(text)) < len(text)
    assert "4111" not in mask_cards(text)


@pytest.mark.parametrize("text", ["1 2 " * 1000, "card " + "0 6 9 0 0 " * 399])
def test_loose_digits_far_from_the_word_card_are_not_reckoned_with(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reckoned: list[str] = []

    def is_valid(digits: str) -> bool:
        reckoned.append(digits)
        return False

    monkeypatch.setattr(cards.luhn, "is_valid", is_valid)
    mask_cards(text)
    # Eight lengths from each of the forty digits that the word may be about.
    assert len(reckoned) <= 8 * 40
