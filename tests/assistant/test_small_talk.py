"""Small talk is answered by rules, and only small talk is."""

import pytest

from assistant.phrases import PHRASES
from assistant.small_talk import REPLIES, small_talk_reply


def reply(text: str) -> str | None:
    return small_talk_reply(text, site_name="Test Shop")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hi", "greeting"),
        ("hiiii there!!", "greeting"),
        ("Good morning, how are you today?", "well"),
        ("hello, can you help me please?", "well"),
        ("ok", "fine"),
        ("\U0001f44d", "fine"),
        ("Thank you so much for your help!", "thanks"),
        ("Danke sch\u00f6n", "thanks"),
        ("OK great, thanks \U0001f60a", "thanks"),
        ("thanks, bye", "bye"),
        ("That\u2019s all, have a nice day", "bye"),
        ("who are you?", "who"),
        ("hey, are you a bot?", "bot"),
        ("Am I talking to a real person or a robot??", "bot"),
        ("Are you human", "bot"),
    ],
)
def test_small_talk_gets_the_reply_of_its_kind(text: str, kind: str) -> None:
    assert reply(text) == REPLIES[kind].format(site="Test Shop")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "???",
        "please",
        "Hello, where is my order?",
        "Hi can you help me with a refund",
        "I want to talk to a human",
        "thanks for nothing",
        "thank you, but it does not work",
        "is this a real leather bag?",
        "is this real",
        "are you open today",
        "ok how do I send it back",
        "bye the way, do you ship to Malta?",
        "hi " * 200,
        "no",
        "yes",
    ],
)
def test_anything_else_is_left_to_retrieval(text: str) -> None:
    assert reply(text) is None


def test_every_phrase_is_known_as_its_own_kind() -> None:
    for kind, block in PHRASES.items():
        for phrase in block.split("|"):
            assert reply(phrase) == REPLIES[kind].format(site="Test Shop"), phrase


def test_name_of_the_site_is_taken_as_it_is() -> None:
    assert "{site} & <b>" in str(small_talk_reply("hi", site_name="{site} & <b>"))
