"""The answer is read out of JSON while it arrives, however it is cut."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.errors import ModelStreamBroken
from llm.structured import SCHEMA, StructuredReply


def make_reply(answer: str = "Within 30 days.", **fields: object) -> str:
    reply = {
        "needs_human": False,
        "reason": "",
        "detail": "",
        "language": "en",
        "answer": answer,
        "citations": ["p1"],
        "confidence": 0.9,
    }
    return json.dumps(reply | fields)


def read(raw: str, *, size: int = 3) -> tuple[str, StructuredReply]:
    reply = StructuredReply()
    pieces = [reply.feed(raw[start : start + size]) for start in range(0, len(raw), size)]
    return "".join(pieces), reply


@given(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.integers(1, 9)
)
def test_answer_when_cut_anywhere_is_whole(answer: str, size: int) -> None:
    text, reply = read(make_reply(answer), size=size)
    verdict = reply.conclude()
    assert text == answer
    assert verdict is not None
    assert (verdict.citations, verdict.confidence, verdict.needs_human) == (("p1",), 0.9, False)


def test_answer_when_it_arrives_is_shown_before_the_end() -> None:
    raw = make_reply("Within 30 days of delivery.")
    text, _ = read(raw[: raw.index("delivery")])
    assert text.startswith("Within 30 days")


@pytest.mark.parametrize("fenced", ["```json\n{}\n```", "```\n{}```", "\n  {}"])
def test_answer_when_the_json_is_wrapped_is_found(fenced: str) -> None:
    text, reply = read(fenced.replace("{}", make_reply()))
    assert text == "Within 30 days."
    assert reply.conclude() is not None


@pytest.mark.parametrize("plain", ["Within 30 days [1].", "```python\nprint()\n```", ""])
def test_reply_when_it_is_no_json_is_plain_text_without_a_verdict(plain: str) -> None:
    text, reply = read(plain)
    assert text == plain
    assert reply.conclude() is None


@pytest.mark.parametrize("cut", [10, 60, 95])
def test_reply_when_it_is_cut_is_broken(cut: int) -> None:
    _, reply = read(make_reply()[:cut])
    with pytest.raises(ModelStreamBroken):
        reply.conclude()


def test_reply_when_the_json_is_wrong_is_broken() -> None:
    with pytest.raises(ModelStreamBroken):
        read('{"needs_human": maybe, "answer": "Yes"}')


def test_answer_when_a_person_is_needed_is_not_shown() -> None:
    text, reply = read(make_reply("Perhaps 30 days?", needs_human=True, reason="cannot_answer"))
    verdict = reply.conclude()
    assert text == ""
    assert verdict is not None
    assert (verdict.needs_human, verdict.reason) == (True, "cannot_answer")


def test_verdict_when_a_share_is_impossible_has_none() -> None:
    _, reply = read(make_reply(confidence=97))
    verdict = reply.conclude()
    assert verdict is not None
    assert verdict.confidence is None


def test_answer_when_it_holds_what_postgresql_does_not_store_is_cleaned() -> None:
    text, _ = read(make_reply("a\0b"))
    assert text == "ab"


def test_schema_when_strict_requires_every_property() -> None:
    assert SCHEMA["required"] == list(SCHEMA["properties"])  # type: ignore[call-overload]


def test_reading_a_long_answer_when_it_comes_token_by_token_takes_little_time() -> None:
    words = " ".join(random.choices(["delivery", "returns", "boots"], k=1_500))
    text, _ = read(make_reply(words), size=5)
    assert text == words
