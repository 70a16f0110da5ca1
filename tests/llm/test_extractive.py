"""What the extractive engine quotes, keeps whole and hands off."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.excerpts import split_excerpts, split_sentences
from llm.extractive import ExtractiveEngine, compose_answer, quoted_passages, split_deltas
from llm.types import Finished, ReplyRequest, SourcePassage, TextDelta, ToolCallRequest
from llm.words import MAX_KEPT_CHARACTERS, _kept_stem, _stemmer, find_stems

RETURNS = """\
You can return most items within **60 days** of delivery, e.g. jackets and boots. Items must be
unworn and carry their tags. Sale items marked "final sale" can't be returned. The original
shipping fee is refunded only if we made a mistake.

## How to send an item back

To start a return:

1. Open [your orders](https://shop.example/orders?x=1.) and choose the order.
2. Print the label.
3. Drop the parcel at any post office.

Refunds arrive in 5 to 7 business days. They go to the card you paid with.

## What it costs

| Region | Cost  | Days |
|--------|-------|------|
| Europe | 4 EUR | 3    |
| Canada | 9 CAD | 6    |
"""
STEPS = RETURNS[RETURNS.index("To start") : RETURNS.index("Refunds arrive")].rstrip()
TABLE = RETURNS[RETURNS.index("| Region") :].rstrip()


def make_passage(text: str = RETURNS, **fields: object) -> SourcePassage:
    values: dict[str, object] = {
        "id": "1",
        "title": "Returns",
        "heading": "Return policy",
        "url": "/help/returns#policy",
        "score": 0.9,
    }
    return SourcePassage(text=text, **{**values, **fields})  # type: ignore[arg-type]


def make_request(question: str, *passages: SourcePassage, **fields: object) -> ReplyRequest:
    return ReplyRequest(
        messages=(),
        passages=passages,
        question=question,
        deadline=0.0,
        **fields,  # type: ignore[arg-type]
    )


def answer(question: str, *passages: SourcePassage, **fields: object) -> str:
    return compose_answer(make_request(question, *passages, **fields))


@pytest.mark.parametrize(
    ("question", "quoted", "left_out"),
    [
        ("Can I send back sale items?", "final sale", "business days"),
        ("How many days until my refund arrives?", "5 to 7 business days. They go to", "label"),
        ("how do I print the label", STEPS, "final sale"),
        ("Which region is Canada, what's the cost?", TABLE, "post office"),
        ("Must jackets be UNWORN", "Items must be", "| Region"),
    ],
)
def test_answer_quotes_what_matches(question: str, quoted: str, left_out: str) -> None:
    text = answer(question, make_passage())
    assert quoted in text
    assert left_out not in text


def test_answer_names_its_source_first() -> None:
    text = answer("Can I return sale items?", make_passage(title="Returns [all] * here"))
    assert text.startswith("**Returns \\[all\\] \\* here \u203a Return policy**\n\n")


def test_answer_keeps_the_order_of_the_article() -> None:
    text = answer("when do refunds arrive, is the fee refunded?", make_passage())
    assert text.index("original") < text.index("Refunds arrive")


@pytest.mark.parametrize(
    "question", ["What's the meaning of life?", "", "???", "how do you do", "\0 \ud83d"]
)
def test_nothing_is_quoted_when_nothing_matches(question: str) -> None:
    assert answer(question, make_passage()) == ""


def test_nothing_is_quoted_without_passages() -> None:
    assert answer("Can I return sale items?") == ""
    assert answer("Can I return sale items?", make_passage(text="")) == ""


def test_passage_far_from_the_top_is_not_used() -> None:
    near = make_passage("Boots are waterproof.", score=0.9)
    far = make_passage("Boots are returned within 60 days.", id="2", score=0.5)
    text = answer("Can boots be returned, are they waterproof?", near, far)
    assert "waterproof" in text
    assert "60 days" not in text


def test_second_passage_is_used_when_it_is_of_the_same_article() -> None:
    first = make_passage("Boots are returned within 60 days.", heading="At home")
    same = make_passage("Boots are returned free.", heading="Cost", id="2", score=0.88)
    third = make_passage("Boots are returned by post.", heading="Post", id="3", score=0.87)
    other = make_passage(
        "Boots are returned never.", title="Sale", url="/help/sale", id="4", score=0.89
    )
    text = answer("are boots returned?", first, same, third, other)
    assert "60 days" in text
    assert "free" in text
    assert "by post" not in text
    assert "never" not in text


def test_passage_whose_heading_names_the_question_wins() -> None:
    passing = make_passage("We refund shipping after a mistake.", score=0.9)
    named = make_passage("We ship everywhere.", title="Shipping", url="/s", id="2", score=0.85)
    assert "everywhere" in answer("Do you ship to Norway?", passing, named)


def test_first_lines_are_quoted_when_only_the_heading_matches() -> None:
    passage = make_passage("Soap and cold water. No bleach.", title="Washing a jacket")
    assert "Soap and cold water. No bleach." in answer("How to wash my jackets?", passage)


def test_sentence_is_quoted_with_the_one_it_refers_to() -> None:
    text = (
        "We have five stores. The gift card has no end date. It pays for repairs too. "
        "Stores open at nine. Parking is free."
    )
    quoted = answer("What repairs does it pay for?", make_passage(text))
    assert "The gift card has no end date. It pays for repairs too." in quoted
    assert "five stores" not in quoted


def test_same_sentence_is_not_quoted_twice() -> None:
    text = "Boots are waterproof.\n\n## Again\n\nBoots are waterproof."
    assert answer("Are boots waterproof?", make_passage(text)).count("waterproof") == 1


def test_figure_is_quoted_when_the_question_asks_for_one() -> None:
    ways = ("bike", "ship", "train", "foot", "drone")
    text = "\n\n".join([*(f"Delivery is by {way}." for way in ways), "Delivery takes 3 days."])
    assert "3 days" in answer("How long is delivery?", make_passage(text))
    assert "3 days" not in answer("What is delivery?", make_passage(text))


def test_other_languages_are_stemmed_by_their_own_rules() -> None:
    passage = make_passage("Rücksendungen sind kostenlos. Filialen öffnen um neun.")
    assert "kostenlos" in answer("Was kostet eine Rücksendung?", passage, locale="de-AT")
    chinese = make_passage("退货免费。商店九点开门。")
    assert "退货免费。" in answer("退货", chinese, locale="zh")


async def test_reply_is_streamed_in_pieces_that_join_to_the_answer() -> None:
    request = make_request("how do I print the label", make_passage())
    events = [event async for event in ExtractiveEngine().stream_reply(request)]
    texts = [event.text for event in events if isinstance(event, TextDelta)]
    assert len(texts) > 3
    assert "".join(texts) == compose_answer(request)
    assert events[-1] == Finished("stop")


async def test_reply_is_a_hand_off_when_it_can_not_answer() -> None:
    request = make_request("meaning of life", make_passage())
    events = [event async for event in ExtractiveEngine().stream_reply(request)]
    assert isinstance(events[0], ToolCallRequest)
    assert events[0].name == "request_hand_off"
    assert events[0].arguments == {"reason": "low_confidence"}
    assert events[1:] == [Finished("tool_calls")]


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 4.50 EUR. Pay now.", ["It costs 4.50 EUR.", "Pay now."]),
        ("Use it, e.g. Boots. Then dry.", ["Use it, e.g. Boots.", "Then dry."]),
        ("See [a. B](/x). Next.", ["See [a. B](/x).", "Next."]),
        ("Type `a. B` here. Next.", ["Type `a. B` here.", "Next."]),
        ("**Wait. Then** go. Next.", ["**Wait. Then** go.", "Next."]),
        ("Call us (at 9 a.m. Or later). Bye.", ["Call us (at 9 a.m. Or later).", "Bye."]),
        ('He said "No." Then left.', ['He said "No."', "Then left."]),
        ("open at 9 a.m. on weekdays", ["open at 9 a.m. on weekdays"]),
        ("免费。开门！", ["免费。", "开门！"]),  # noqa: RUF001 it is what people write
    ],
)
def test_sentences_are_split_where_they_end(paragraph: str, expected: list[str]) -> None:
    assert list(split_sentences(paragraph)) == expected


def test_blocks_are_kept_whole() -> None:
    text = (
        "Intro. The steps:\n\n* one\n  * nested\n\n  more\n* two\n\n```\na. B. c\n```\n\n> Q. R.\n"
    )
    excerpts = split_excerpts(text)
    assert [excerpt.text for excerpt in excerpts] == [
        "Intro.",
        "The steps:\n\n* one\n  * nested\n\n  more\n* two",
        "```\na. B. c\n```",
        "> Q. R.",
    ]


def test_stop_words_are_left_out() -> None:
    assert find_stems("What's the customer's returned BOOTS?", locale="en") == {
        "custom",
        "return",
        "boot",
    }


def test_word_that_is_no_languages_is_stemmed_and_not_kept() -> None:
    before = _kept_stem.cache_info().misses
    assert find_stems("ab" * 2_000 + "ings", locale="en") == {"ab" * 2_000}
    assert _kept_stem.cache_info().misses == before
    find_stems("x" * MAX_KEPT_CHARACTERS, locale="en")
    assert _kept_stem.cache_info().misses == before + 1


def test_languages_that_there_are_not_share_a_stemmer() -> None:
    find_stems("boots", locale="en")
    before = _stemmer.cache_info().currsize
    for number in range(3):
        assert find_stems("boots", locale=f"x{number}") == {"boot"}
    assert _stemmer.cache_info().currsize == before


@given(st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(split_deltas(text)) == text or not text.strip()


@given(
    st.lists(
        st.sampled_from(
            ["boots ", "Boots. ", "\n\n", "- ", "1. ", "| a |", "\n", "# ", "`", "[", "](/x)", "**"]
        ),
        max_size=40,
    ).map("".join)
)
def test_answer_never_holds_a_word_of_its_own(text: str) -> None:
    quoted = answer("boots", make_passage(text)).partition("\n\n")[2]
    assert re.sub(r"\s", "", quoted) in re.sub(r"\s", "", text) or all(
        re.sub(r"\s", "", part) in re.sub(r"\s", "", text) for part in quoted.split("\n\n")
    )


def test_sentence_nearest_in_meaning_is_quoted_when_it_shares_no_word() -> None:
    text = "Our stores are nice.\n\nMoney comes back in a week.\n\nWe have dogs."
    passage = make_passage(text, sentence_scores=(0.1, 0.8, 0.1))
    quoted = answer("When is my refund paid?", passage)
    assert "Money comes back" in quoted
    assert "dogs" not in quoted


def test_table_is_quoted_with_the_paragraph_that_leads_in_to_it() -> None:
    text = f"Standard is free from 75 EUR. Express costs more:\n\n{TABLE}"
    quoted = answer("Which region is Canada?", make_passage(text))
    assert quoted.index("Standard is free") < quoted.index("Express costs more:")
    assert TABLE in quoted


@pytest.mark.parametrize("word", ["It", "Others", "Some", "This", "**They**", "Both"])
def test_answer_never_starts_with_a_reference_to_something_unseen(word: str) -> None:
    text = f"{word} need boots for the ferry.\n\nFerry boots are lent for free."
    quoted = answer("ferry boots", make_passage(text)).partition("\n\n")[2]
    assert quoted == "Ferry boots are lent for free."


def test_next_articles_are_offered_when_they_are_near() -> None:
    best = make_passage("Boots are returned within 60 days.", score=0.9)
    near = [
        make_passage("Boots.", title=f"Near {n}", url=f"/n{n}", id=str(n), score=0.8 - n / 100)
        for n in range(3)
    ]
    far = make_passage("Boots.", title="Far", url="/far", id="9", score=0.3)
    quoted = answer("are boots returned?", best, *near, far)
    assert quoted.endswith("See also: [Near 0](/n0), [Near 1](/n1)")
    assert "Siehe auch" in answer("boots returned", best, *near, locale="de")
    assert "See also" not in answer("are boots returned?", best, far)


def test_passages_that_an_answer_quotes_are_told() -> None:
    first = make_passage("Boots are returned within 60 days.")
    other = make_passage("Boots are returned.", title="Other", url="/o", id="2", score=0.5)
    quoted = answer("are boots returned?", first, other)
    assert quoted_passages(quoted, passages=(first, other)) == [first]
