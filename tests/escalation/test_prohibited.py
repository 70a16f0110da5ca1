"""What no model may answer, and what only sounds like it: sentences by tables."""

import importlib
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from escalation.defaults import default_rules
from escalation.models import FlagRule, HandOff
from escalation.policy import SELF_HARM_TEXT, find_flag, flag_of_categories

RULES = default_rules()
Reason = HandOff.Reason

PROHIBITED = {
    "medical": """
        Can you give me medical advice on my knee?
        What are the side effects of the joint gel?
        What dose should my son take?
        How many pills can I take a day?
        I had an allergic reaction to your sun cream
        Is the cream safe during pregnancy?
        Can I use it while breastfeeding?
        Does the balm work with my medication?
        Can I wear the magnetic belt with a pacemaker?
        Does it cure back pain?
        I have chest pain after using the vibration plate
        My cut looks infected, what do I do?
        The wool gave me a rash
        my child swallowed a button battery
        Should I see a doctor about this blister?
        Can I treat my eczema with it?
        Hat das Gel Nebenwirkungen?
        He has a fever since yesterday, is the thermometer right?
    """,
    "legal_advice": """
        I need legal advice about this contract
        What are my legal rights if it broke?
        what are my rights now
        Is it legal to carry this knife in Germany?
        Can I sue the manufacturer?
        Are you liable for the damage to my floor?
        Isn't that a breach of contract?
        Am I legally entitled to a new one?
        Is my contract valid without a signature?
        Is this legal?
        Do I have a case against the courier?
        Ich brauche eine Rechtsberatung
    """,
    "self_harm": """
        I want to kill myself
        I don't want to live anymore
        everyone would be better off without me
        I've been thinking about suicide
        i keep cutting myself
        There is no reason to live
        I just want to die
        I feel suicidal
        Ich will nicht mehr leben
        quiero morir
        I am going to end my life tonight
        sometimes I wish I was dead
    """,
    "card_data": """
        my card •••• 1111 was declined
        here it is: •••• 0005, expires 04/29
        my cvv is •••
    """,
    "threat": """
        I'll bomb the shop
        I will burn your shop
        I'll come to your store with a knife
    """,
}
HARMLESS = """
    Is this jacket good for my health?
    Do you have a medical discount?
    Do nurses and medical staff get a discount?
    Where is the legal notice page?
    What is the legal name of your company?
    That's a killer deal!
    These boots are killing my feet, can I swap them?
    My feet are dead after the hike, which insoles do you have?
    I'm dying to get my hands on the new tent
    Do you sell first aid kits?
    Is the fabric flame retardant?
    Are the curtains fire retardant?
    How do I shut the lid?
    How do I shut the valve of the mattress?
    Do you sell bath bombs?
    Is the bomber jacket back in stock?
    How long does the candle take to burn down?
    Can I come to your store with my dog?
    I hurt myself on the packaging
    I cut myself on the blade, can I return it?
    Is this watch waterproof?
    Which size should I take?
    Is it safe to take the stove on a plane?
    Can I take it on a plane?
    Does the watch measure blood pressure?
    How do I take care of leather?
    Do you sell prescription sunglasses?
    Is the cup dishwasher safe?
    What are my return rights?
    Do I have the right to return it?
    How long is the warranty?
    Who pays for the return?
    Is there an age limit, what is the legal age for knives?
    Can I see your terms and conditions?
    How do I cancel my contract for the membership?
    Is the discount code still valid?
    My voucher is not valid
    Can I change the card on my account?
    Why was my card declined?
    Which credit cards do you take?
    What is the security code on the gift card?
    Where do I find my card number on the loyalty card?
    Is the sunscreen vegan?
    Does the cream contain nuts?
    Is the bottle BPA free?
    What material is it, I'm allergic to wool
    Do you have hypoallergenic pillows?
    The doctor said I need wide boots
    Do you ship to a hospital?
    I need a gift for my doctor
    Is the yoga mat good for back pain?
    Which insoles help against heel pain?
    Do you sell knives?
    I shot a video of the defect
    Can you shoot me an email?
    My order is dead in the water
    the zipper killed my mood
    Can I end my subscription?
    I want to end my membership
    How do I end it?
    My mother in law wants a refund
    Is my brother-in-law allowed to pick it up?
    Are there any special effects in the lamp?
    Does this treat wood?
    Will the balm cure the leather?
    What does the symptom light on the dash mean?
    is the court shoe in stock
    Which tennis court shoes do you have?
    I live in Suffolk, do you deliver there?
    I don't want to chat, is there a phone number
"""


def lines(block: str) -> list[str]:
    return [line.strip() for line in block.strip().splitlines()]


POSITIVE = [(text, kind) for kind, block in PROHIBITED.items() for text in lines(block)]
NEGATIVE = lines(HARMLESS)


def test_tables_are_long_enough() -> None:
    assert len(POSITIVE) >= 40
    assert len(NEGATIVE) >= 60


@pytest.mark.parametrize(("text", "kind"), POSITIVE)
def test_prohibited_category_is_found(text: str, kind: str) -> None:
    flag = find_flag(text, rules=RULES)
    assert flag is not None
    assert flag.kind == kind


@pytest.mark.parametrize("text", NEGATIVE)
def test_shop_talk_meets_no_rule(text: str) -> None:
    assert find_flag(text, rules=RULES) is None


@pytest.mark.parametrize(
    ("text", "reason", "urgency", "reply_only"),
    [
        ("I want to kill myself", Reason.FLAGGED, 1, False),
        ("any side effects?", Reason.MUST_NOT_DECIDE, 3, False),
        ("can I sue them?", Reason.MUST_NOT_DECIDE, 3, False),
        ("my cvv is 123", Reason.FLAGGED, 2, True),
        ("my cvv is 123, you idiots", Reason.FLAGGED, 2, False),
        ("my cvv is 123, human please", Reason.ASKED_FOR_PERSON, 3, False),
    ],
)
def test_flag_says_who_is_needed_and_how_soon(
    text: str, reason: HandOff.Reason, urgency: int, reply_only: bool
) -> None:
    flag = find_flag(text, rules=RULES)
    assert flag is not None
    assert (flag.reason, flag.urgency, flag.is_reply_only) == (reason, urgency, reply_only)


def test_self_harm_is_answered_with_help() -> None:
    flag = find_flag("I want to die", rules=RULES)
    assert flag is not None
    assert flag.customer_text == SELF_HARM_TEXT
    assert "local emergency number" in SELF_HARM_TEXT
    assert len(SELF_HARM_TEXT) <= 500


@pytest.mark.parametrize(
    ("categories", "kind", "urgency"),
    [
        (("self-harm", "violence"), "self_harm", 1),
        (("self_harm_intent",), "self_harm", 1),
        (("harassment_threatening", "harassment"), "threat", 1),
        (("violence/graphic",), "threat", 1),
        (("hate",), "abuse", 2),
        ((), "abuse", 2),
    ],
)
def test_moderation_verdict_becomes_a_flag(
    categories: tuple[str, ...], kind: str, urgency: int
) -> None:
    flag = flag_of_categories(categories, rules=RULES)
    assert (flag.kind, flag.reason, flag.urgency) == (kind, Reason.FLAGGED, urgency)
    assert flag.is_reply_only is False


def test_moderation_verdict_is_said_in_the_sites_own_words() -> None:
    own = FlagRule(name="Care", kind="self_harm", phrases=["x"], customer_text="We are here.")
    assert flag_of_categories(("self-harm",), rules=[own]).customer_text == "We are here."
    assert flag_of_categories(("self-harm",), rules=[]).customer_text == SELF_HARM_TEXT


def test_rule_that_only_replies_without_a_text_is_refused(db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        FlagRule.objects.create(name="x", kind="medical", phrases=["x"], action="reply_only")


def test_migration_adds_the_new_kinds_and_narrows_the_old_phrases(db: None) -> None:
    step: Any = importlib.import_module("escalation.migrations.0004_prohibited_rules")
    FlagRule.objects.filter(site=None).delete()
    step.add_rules(apps, None)
    assert FlagRule.objects.count() == len(RULES)
    FlagRule.objects.all().delete()
    FlagRule.objects.create(name="Abuse", kind="abuse", phrases=["retard*", "own words"])
    step.add_rules(apps, None)
    step.narrow_phrases(apps, None)
    assert set(FlagRule.objects.values_list("kind", "action")) == {
        ("abuse", "hand_off"), ("medical", "hand_off"), ("legal_advice", "hand_off"),
        ("card_data", "reply_only"),
    }  # fmt: skip
    abuse = FlagRule.objects.get(kind="abuse")
    assert abuse.phrases == ["retard", "retards", "retarded", "own words"]
