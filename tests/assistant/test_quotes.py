"""What a source's quotation shows of Markdown."""

import pytest

from assistant.guardrails import quote_of
from llm.types import SourcePassage


def passage(text: str) -> SourcePassage:
    return SourcePassage(id="p", title="", heading="", text=text, url="", score=1.0)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("## Canada\n\n- takes **5-8** business days", "Canada takes 5-8 business days"),
        ("> Your *e-mail*, HP_1 and `x-1`", "Your e-mail, HP_1 and x-1"),
        ("5*3*2 = 30 and 7 > 5", "5*3*2 = 30 and 7 > 5"),
        ("| EU | UK |\n|----|:---|\n| 42-43 | 8 |", "EU UK 42-43 8"),
        ("See [our list](https://shop.example/list).", "See our list."),
    ],
)
def test_quote_has_no_signs_of_markdown_and_all_else(text: str, shown: str) -> None:
    assert quote_of(passage(text)) == shown


def test_quote_is_cut_at_a_word() -> None:
    assert quote_of(passage("one two three"), limit=9) == "one two …"
