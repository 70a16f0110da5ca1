"""Which language a question is taken for, and that a doubtful one stays what was expected."""

import pytest

from knowledge.languages import detect_language, is_same_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wie lange kann ich etwas zurückgeben?", "de"),
        ("mein zelt ist kaputt angekommen", "de"),
        ("combien coûte la livraison", "fr"),
        ("¿Dónde está mi pedido?", "es"),
        ("posso restituire gli stivali", "it"),
        ("waar is mijn bestelling", "nl"),
        ("как вернуть товар", "ru"),
        ("我的订单在哪里", "zh"),
        ("注文はどこですか", "ja"),
        ("can i return sale items", "en"),
        ("moths ate my merino", "en"),
    ],
)
def test_language_is_found(text: str, language: str) -> None:
    assert detect_language(text, default="en") == language


@pytest.mark.parametrize(
    "text", ["retour", "refund", "klarna?", "HP-10427", "", "???", "gift card"]
)
@pytest.mark.parametrize("default", ["en", "de-AT", "pt-BR"])
def test_short_text_keeps_the_expected_language(text: str, default: str) -> None:
    assert detect_language(text, default=default) == default[:2]


def test_language_of_the_articles_is_believed_sooner() -> None:
    text = "quanto custa o frete"
    assert detect_language(text, default="en") == "en"
    assert detect_language(text, default="en", among=["pt-BR"]) == "pt"


def test_english_is_found_where_another_language_is_expected() -> None:
    assert detect_language("how do I send this back to you", default="de") == "en"


def test_forms_of_norwegian_are_one_language() -> None:
    assert is_same_language("nb-NO", "no")
    assert not is_same_language("nb", "sv")
