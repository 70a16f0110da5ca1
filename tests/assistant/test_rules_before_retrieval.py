"""What is recognised by rules before any article is looked up: phrases that no list holds."""

import pytest

from assistant.budget import Purpose
from assistant.follow_ups import Context, is_follow_up, rewrite_by_rules, standalone_questions
from assistant.nonsense import is_nonsense
from assistant.person_wishes import wants_person
from assistant.redaction import Redactor
from assistant.small_talk import REPLIES, small_talk_reply

WISHES = """
can i please speak to a real human being|transfer me to an agent|put me through to support
no more bots|AGENT!!|tlak to a human|i'd prefer a human|can u connect me w a person
escalate this to a supervisor|are there any humans there|just give me a person
Ich möchte mit einem Menschen sprechen|puis-je parler à quelqu'un|quiero hablar con una persona
"""
NO_WISHES = """
are you a real person?|am i talking to a human|how do i become an agent|do you need a person to sign
can i give a gift card to another person|i need a two person tent|is there a four person tent
can i talk to someone in store about boots|transfer my points to another person
how do i contact customer service|can my order be picked up by another person|customer service hours
"""
NONSENSE = "asdfgh|???|...|🦄|sdfsdf|hjgfhjf|zzzzzz|x|!!!|lkjlkj|🤷|-|7"
SENSE = """
pfas|usps?|boots|gps|xxl|HP-10427|10427|退货|Größe|gift wrap|apo fpo|asap|rewards|dresses|klarna
"""
FOLLOW_UPS = """
and for shoes?|what if I'm a member?|how much is it?|does that apply to sale items?|why?|to Norway?
in store too?|is it free?|which one is cheaper|und für Schuhe?|do I have to pay for that|how long?
"""
FULL = """
how much is shipping to Canada|when are your stores open|why was my card declined
I want to delete my account, how do I do it?|is it possible to return boots without a receipt
How do I swap my jacket for another size?|What's your return policy?
"""


def phrases(block: str) -> list[str]:
    return [one.strip() for one in block.replace("\n", "|").split("|") if one.strip()]


@pytest.mark.parametrize("text", phrases(WISHES))
def test_wish_for_a_person_is_understood(text: str) -> None:
    assert wants_person(text)


@pytest.mark.parametrize("text", phrases(NO_WISHES))
def test_talk_of_persons_is_no_wish_for_one(text: str) -> None:
    assert not wants_person(text)


@pytest.mark.parametrize("text", phrases(NONSENSE))
def test_nonsense_is_recognised(text: str) -> None:
    assert is_nonsense(text)


@pytest.mark.parametrize("text", phrases(SENSE))
def test_short_words_are_no_nonsense(text: str) -> None:
    assert not is_nonsense(text)


@pytest.mark.parametrize("text", phrases(FOLLOW_UPS))
def test_follow_up_is_recognised(text: str) -> None:
    assert is_follow_up(text)


@pytest.mark.parametrize("text", phrases(FULL))
def test_full_question_is_no_follow_up(text: str) -> None:
    assert not is_follow_up(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hey can u help me", "well"),
        ("Grüezi", "greeting"),
        ("muchas gracias!", "thanks"),
        ("thx a lot :)", "thanks"),
        ("nope, thanks", "thanks"),
        ("who dis", "who"),
        ("❤️", "fine"),
        ("cool, that did it", "fine"),
        ("gotta go, see ya", "bye"),
    ],
)
def test_small_talk_of_other_forms_is_understood(text: str, kind: str) -> None:
    assert small_talk_reply(text, site_name="Shop") == REPLIES[kind].format(site="Shop")


def test_follow_up_is_joined_with_the_question_and_the_article_before_it() -> None:
    context = Context(question="How long can I return a jacket?", title="Returns")
    assert rewrite_by_rules("and for shoes?", context=context) == (
        "How long can I return a jacket, and for shoes?",
        "Returns: and for shoes?",
    )


@pytest.mark.parametrize(
    ("text", "before"), [("how much is shipping to Canada", "q?"), ("why?", "")]
)
async def test_question_that_stands_for_itself_is_looked_up_alone(text: str, before: str) -> None:
    context = Context(question=before, title="Returns")
    found = await standalone_questions(
        text, context=context, purpose=Purpose("rewrite", 1), redactor=Redactor()
    )
    assert found == (text,)
