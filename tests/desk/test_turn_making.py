"""How a turn was made, told in one look for each way in which an answer comes about."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from assistant.cache import ENGINE
from assistant.models import CachedAnswer, Reservation, Turn, TurnRecord
from conversations.models import Conversation, Message, Site
from desk.turn_page import TurnPage, read_turn_page
from tests.conftest import make_user
from tests.desk.conftest import browser_of
from tests.desk.test_turn_page import make_turn

pytestmark = pytest.mark.django_db
MODEL: dict[str, Any] = {
    "tier": "standard",
    "tier_reason": "a plain question",
    "engine": "openai",
    "model": "m-1",
    "prompt_tokens": 900,
    "completion_tokens": 40,
    "cost": Decimal("0.001200"),
}


def facts(page: TurnPage) -> dict[str, tuple[str, str]]:
    """The values and notes of the page by their labels."""
    return {fact.label: (fact.value, fact.note) for fact in page.facts}


def kept_from(turn: Turn, site: Site, **fields: Any) -> CachedAnswer:
    """Keep a turn's answer as it was kept when it was written."""
    defaults: dict[str, Any] = {
        "site": site,
        "key": "k",
        "question": "Can I return boots?",
        "locale": "en",
        "text": "Within 30 days.",
        "confidence": 0.9,
        "knowledge_version": 1,
        "prompt_version": "answer/2",
        "cost": turn.cost,
        "source_message": turn.message,
        "created_at": timezone.now() - timedelta(hours=1),
    }
    return CachedAnswer.objects.create(**(defaults | fields))


def test_answer_of_a_model_says_its_tier_cost_and_what_became_of_it(
    site: Site, conversation: Conversation
) -> None:
    turn = make_turn(conversation, **MODEL)
    assert "Kept" not in facts(read_turn_page(turn))
    kept = kept_from(turn, site)
    Turn.objects.filter(pk=make_turn(conversation, engine=ENGINE).pk).update(cached_answer=kept)
    page = read_turn_page(turn)
    assert "by the standard tier (a plain question)" in page.sentence
    assert facts(page)["Tier"] == ("Standard", "a plain question")
    assert facts(page)["Cost"] == ("$0.001200", "")
    assert facts(page)["Kept"] == ("Given again 1 time", "for who asks alike")


def booked(turn: Turn, *, purpose: str, usd: str) -> None:
    Reservation.objects.create(
        turn=turn, purpose=purpose, tier="small", day=timezone.now().date(), scopes=[],
        state="settled", settled_usd=Decimal(usd), settled_tokens=10,
    )  # fmt: skip


def test_cost_of_a_turn_has_the_follow_up_that_was_put_in_full(conversation: Conversation) -> None:
    turn = make_turn(conversation, **MODEL)
    booked(turn, purpose="answer", usd="0.0012")
    booked(turn, purpose="rewrite", usd="0.0001")
    note = "$0.000100 of it to put the follow-up in full"
    assert facts(read_turn_page(turn))["Cost"] == ("$0.001300", note)


def test_turn_that_failed_says_what_was_booked(conversation: Conversation) -> None:
    turn = make_turn(conversation, state="failed", outcome="handed_off", error_code="OSError")
    booked(turn, purpose="answer", usd="0.0012")
    booked(turn, purpose="rewrite", usd="0.0001")
    assert facts(read_turn_page(turn))["Cost"] == ("$0.001300", "booked for: answer, rewrite")


def test_price_that_is_not_known_is_no_zero(conversation: Conversation) -> None:
    turn = make_turn(conversation, **(MODEL | {"cost": None}))
    assert facts(read_turn_page(turn))["Cost"] == ("Not known", "the model has no price")


def test_answer_given_again_leads_to_the_turn_that_wrote_it(
    site: Site, conversation: Conversation
) -> None:
    first = make_turn(conversation, **MODEL)
    kept = kept_from(first, site)
    again = make_turn(conversation, engine=ENGINE, cached_answer=kept, prompt_version="answer/2")
    response = browser_of(make_user("mia", role="manager")).get(
        reverse("admin:assistant_turn_change", args=[again.pk])
    )
    page = response.context["page"]
    assert page.sentence.endswith("with the words of an answer given before.")
    value, note = facts(page)["Given again"]
    assert value == f"From turn {first.pk}"
    assert "$" not in note
    assert facts(page)["Cost"] == ("Nothing", "$0.001200 when it was written")
    address = reverse("admin:assistant_turn_change", args=[first.pk])
    assert f'<a href="{address}">From turn {first.pk}</a>' in response.content.decode()


@pytest.mark.parametrize("is_replaced", [False, True])
def test_answer_given_again_is_known_as_such_when_the_kept_one_is_gone(
    site: Site, conversation: Conversation, is_replaced: bool
) -> None:
    first = make_turn(conversation, **MODEL)
    kept = kept_from(first, site)
    again = make_turn(conversation, engine=ENGINE, cached_answer=kept)
    since = kept.created_at.isoformat()
    TurnRecord.objects.create(turn=again, data={"given_again": {"kept": kept.pk, "since": since}})
    if is_replaced:
        CachedAnswer.objects.update(created_at=timezone.now() + timedelta(minutes=1))
    else:
        CachedAnswer.objects.all().delete()
    again.refresh_from_db()
    page = read_turn_page(again)
    assert page.sentence.endswith("with the words of an answer given before.")
    value, note = facts(page)["Given again"]
    assert value == "From an answer that is not kept any more"
    assert note.startswith("it was kept on ")
    listed = browser_of(make_user("mia", role="manager")).get(
        reverse("admin:assistant_turn_changelist") + "?cached=yes"
    )
    assert [turn.pk for turn in listed.context["cl"].result_list] == [again.pk]


@pytest.mark.parametrize(
    ("fields", "why", "tier"),
    [
        ({}, "quoted without a model.", None),
        (
            {"tier_reason": "a plain question; the budget of the site is spent"},
            "quoted without a model (a plain question; the budget of the site is spent).",
            ("None", "a plain question; the budget of the site is spent"),
        ),
        (
            {"tier": "small", "tier_reason": "pinned", "error_code": "ungrounded"},
            "quoted because a guard stopped what the small tier wrote (ungrounded).",
            ("Small", "pinned"),
        ),
        (
            {"tier": "small", "error_code": "model_unavailable"},
            "quoted because the small tier failed (model_unavailable).",
            ("Small", ""),
        ),
    ],
)
def test_quotation_says_why_no_model_wrote_it(
    conversation: Conversation, fields: dict[str, str], why: str, tier: tuple[str, str] | None
) -> None:
    page = read_turn_page(make_turn(conversation, engine="extractive", **fields))
    assert page.sentence.endswith(why)
    assert facts(page).get("Tier") == tier
    assert "Cost" not in facts(page)


def test_withdrawn_answer_says_by_what_and_what_it_cost(conversation: Conversation) -> None:
    turn = make_turn(
        conversation,
        **(MODEL | {"engine": "", "error_code": "promise"}),
        outcome="handed_off",
        hand_off_reason="must_not_decide",
    )
    record = {
        "guard": [{"kind": "promise", "detail": "refund"}],
        "received": ["We will refund you."],
        "steps": [{"name": "write (openai)", "ms": 500.0}],
    }
    TurnRecord.objects.create(turn=turn, data=record)
    Message.objects.filter(pk=turn.message_id).update(text="A person will help you.")
    page = read_turn_page(turn)
    assert page.sentence.startswith("Passed to a person: ")
    assert ("Stopped by a guard", "promise", "refund") in [
        (fact.label, fact.value, fact.note) for fact in page.verdicts
    ]
    assert page.received == "We will refund you."
    assert facts(page)["Model"] == ("m-1", "")
    assert facts(page)["Error"] == ("promise", "")
    assert facts(page)["Cost"] == ("$0.001200", "")
    assert [bar.name for bar in page.bars] == ["write (openai)"]
