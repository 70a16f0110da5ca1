"""The page that says why: its sentence, what it shows of a record, and who may read it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from assistant.models import CachedAnswer, ToolCall, Turn, TurnRecord
from conversations.models import Conversation, Message, Site
from conversations.services import append_message, lock_conversation
from desk.turn_page import read_turn_page
from desk.turn_sentence import Grounds, decision_sentence
from escalation.models import HandOff
from tests.conftest import make_user
from tests.customers import say
from tests.desk.conftest import browser_of, url_of

pytestmark = pytest.mark.django_db
RECORD: dict[str, Any] = {
    "question": "Can I return <b>boots</b>? Write to <EMAIL_1>",
    "looked_up": "return boots",
    "threshold": 0.8,
    "passages": [
        {
            "id": 7,
            "title": "Returns",
            "heading": "How long",
            "url": "javascript:alert(1)",
            "score": 0.9123,
            "lexical": 0.5,
            "cosine": 0.77,
        }
    ],
    "sent": [{"role": "system", "content": "You are helpful."}, {"role": "user", "content": "Hi"}],
    "received": ["call()", "<script>alert(1)</script>30 days."],
    "verdict": {
        "citations": ["p1"],
        "confidence": 0.9,
        "language": "en",
        "needs_human": False,
        "reason": "",
        "detail": "",
    },
    "moderation": {"flagged": False, "categories": []},
    "guard": [{"kind": "promise", "detail": "refund"}],
    "signals": ["asks to ignore instructions"],
    "budget": {"left": 0.5, "reason": ""},
    "context": {"tokens": 900, "shares": {"passages": 500}, "left_out": {"history": 2}},
    "steps": [{"name": "plan", "ms": 40.0}, {"name": "write (openai)", "ms": 800.0}],
    "attempts": [{"engine": "openai", "model": "m1", "error": "model_unavailable", "ms": 31}],
    "citations_dropped": 2,
}


@pytest.fixture
def manager(site: Site) -> User:
    return make_user("mia", role="manager")


def make_turn(conversation: Conversation, **fields: Any) -> Turn:
    """Return a turn that answered a question a moment ago."""
    say(conversation, "Can I return boots & tents?")
    turn = Turn.objects.filter(conversation=conversation).latest("pk")
    now = timezone.now()
    said = append_message(
        lock_conversation(conversation.pk),
        author_kind=Message.Author.ASSISTANT,
        text="Within 30 days.",
        citations=[{"title": "Returns", "url": "", "quote": ""}],
        is_answer=True,
    )
    values: dict[str, Any] = {
        "state": "done",
        "outcome": "answered",
        "confidence": 0.91,
        "message": said,
        "claimed_at": now,
        "finished_at": now + timedelta(seconds=1.5),
        **fields,
    }
    Turn.objects.filter(pk=turn.pk).update(**values)
    turn.refresh_from_db()
    return turn


def page_of(turn: Turn) -> str:
    return reverse("admin:assistant_turn_change", args=[turn.pk])


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"tier": "standard", "tier_reason": "two questions", "engine": "openai"},
            "Answered because confidence 0.91 was above 0.80, from \u201cReturns\u201d by the "
            "standard tier (two questions).",
        ),
        (
            {"engine": "extractive"},
            "Answered because confidence 0.91 was above 0.80, from \u201cReturns\u201d, quoted "
            "without a model.",
        ),
        (
            {"cached_answer_id": 1, "engine": "openai"},
            "Answered because confidence 0.91 was above 0.80, from \u201cReturns\u201d, with the "
            "words of an answer given before.",
        ),
        ({"confidence": None}, "Answered by a fixed rule: no article and no model was asked."),
        (
            {"outcome": "asked_back", "confidence": 0.5},
            "Asked back because confidence 0.50 was below 0.80.",
        ),
        (
            {"outcome": "asked_back", "confidence": None},
            "Asked what is meant, because the message held nothing to look up.",
        ),
        (
            {"outcome": "handed_off", "confidence": 0.3, "hand_off_reason": "low_confidence"},
            "Passed to a person: not sure of the answer (No article), as confidence 0.30 was "
            "below 0.80.",
        ),
        (
            {"outcome": "handed_off", "hand_off_reason": "low_confidence"},
            "Passed to a person: not sure of the answer (No article), although confidence 0.91 "
            "was above 0.80.",
        ),
        (
            {"outcome": "handed_off", "hand_off_reason": "asked_for_person", "confidence": None},
            "Passed to a person: asked for a person (No article), by a rule, before any article "
            "was looked up.",
        ),
        (
            {"outcome": "handed_off", "state": "failed", "error_code": "deadline"},
            "Passed to a person because the turn failed (deadline).",
        ),
        ({"outcome": "stopped"}, "Stopped: the customer did not want the answer any more."),
        ({"outcome": ""}, "It ended without a word to the customer."),
        ({"state": "queued"}, "It waits for a worker: nothing is decided yet."),
        (
            {"state": "superseded"},
            "It was given up: the conversation changed hands before it ended.",
        ),
    ],
)
def test_sentence_says_what_decided(fields: dict[str, Any], sentence: str) -> None:
    turn = Turn(**{"state": "done", "outcome": "answered", "confidence": 0.91, **fields})
    grounds = Grounds(threshold=0.8, is_threshold_of_today=False, source="Returns")
    assert decision_sentence(turn, grounds=grounds, data={"detail": "No article."}) == sentence


@pytest.mark.parametrize(
    ("outcome", "grounds", "sentence"),
    [
        (
            "answered",
            {"by_tool": True},
            "Answered from what a tool said by the small tier, as confidence 0.30 was below 0.80.",
        ),
        (
            "asked_back",
            {"card": "Stop order 1?"},
            "Showed a card to confirm, \u201cStop order 1?\u201d: the model called a tool.",
        ),
        (
            "asked_back",
            {"asks": True},
            "Asked for what was missing by the small tier, as confidence 0.30 was below 0.80.",
        ),
    ],
)
def test_sentence_of_a_turn_with_tools_says_what_they_did(
    outcome: str, grounds: dict[str, Any], sentence: str
) -> None:
    turn = Turn(state="done", outcome=outcome, confidence=0.3, tier="small")
    told = Grounds(threshold=0.8, is_threshold_of_today=False, **grounds)
    assert decision_sentence(turn, grounds=told, data={}) == sentence


def test_sentence_when_the_threshold_was_not_kept_says_that_it_is_todays(
    site: Site, conversation: Conversation
) -> None:
    Site.objects.filter(pk=site.pk).update(answer_threshold=0.6)
    turn = make_turn(conversation)
    assert "was above today's 0.60" in read_turn_page(turn).sentence


def test_page_shows_the_whole_record_and_escapes_it(
    conversation: Conversation, manager: User
) -> None:
    turn = make_turn(
        conversation,
        engine="openai",
        model="gpt-test",
        tier="standard",
        prompt_tokens=1234,
        cost=Decimal("0.00123"),
        self_confidence=0.88,
        groundedness=0.75,
        features={"peak": 0.5},
    )
    TurnRecord.objects.create(turn=turn, data=RECORD)
    response = browser_of(manager).get(page_of(turn))
    page = response.content.decode()
    shown = [
        "confidence 0.91 was above 0.80",
        "&lt;b&gt;boots&lt;/b&gt;",
        "return boots",
        "0.91</td>",
        "0.77</td>",
        "You are helpful.",
        "&lt;script&gt;alert(1)&lt;/script&gt;30 days.",
        "$0.001230",
        "1,234 in",
        "0.88",
        "peak 0.50",
        "model_unavailable",
        "not flagged",
        "promise",
        "asks to ignore instructions",
        "Budget: left 0.5",
        "not offered: 2, dropped",
        "1.50 s",
    ]
    assert [one for one in shown if one not in page] == []
    assert "javascript:" not in page
    assert "<script>alert" not in page
    bars = response.context["page"].bars
    assert [(bar.name, bar.length) for bar in bars] == [("plan", 5), ("write (openai)", 100)]
    assert "style=" not in page


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"passages": None, "steps": "no", "verdict": [], "sent": [1, "x"], "context": 3},
        {"passages": [{}], "steps": [{"name": "plan"}], "verdict": {"x": 1}},
        {"steps": [{"name": "plan", "ms": 0}], "moderation": {}, "threshold": "high"},
    ],
)
def test_page_of_an_old_or_odd_record_stays_readable(
    conversation: Conversation, manager: User, data: Any
) -> None:
    turn = make_turn(conversation)
    if data is not None:
        TurnRecord.objects.create(turn=turn, data=data)
    page = browser_of(manager).get(page_of(turn))
    assert page.status_code == 200
    assert "Can I return boots &amp; tents?" in page.content.decode()


def test_page_of_a_hand_off_tells_what_the_agent_was_told(
    conversation: Conversation, manager: User
) -> None:
    turn = make_turn(
        conversation, outcome="handed_off", hand_off_reason="low_confidence", confidence=0.9
    )
    HandOff.objects.create(
        conversation=conversation,
        episode=conversation.episodes.get(),
        reason="low_confidence",
        detail="The answer was not covered by the articles",
    )
    assert "(The answer was not covered by the articles)" in read_turn_page(turn).sentence


def test_page_without_recorded_tools_shows_the_calls_rows(
    conversation: Conversation, manager: User
) -> None:
    turn = make_turn(conversation)
    ToolCall.objects.create(
        conversation=conversation,
        turn=turn,
        tool="cancel_order",
        effect="write",
        state="failed",
        arguments={"number": "A2"},
        error_code="timeout",
        duration_ms=40,
    )
    assert read_turn_page(turn).tools[0].cells == (
        "cancel_order",
        "number: A2",
        "Failed timeout",
        "40",
    )


def test_agent_sees_neither_the_cost_nor_the_policy(
    conversation: Conversation, desk: Client
) -> None:
    turn = make_turn(conversation, prompt_tokens=1234, cost=Decimal("0.00123"))
    TurnRecord.objects.create(turn=turn, data=RECORD)
    page = desk.get(page_of(turn)).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;30 days." in page
    assert "1,234 in" in page
    assert [one for one in ("You are helpful.", "$0.0", ">Cost<") if one in page] == []


def test_agent_reads_turns_of_conversations_but_no_list(
    conversation: Conversation, desk: Client, manager: User
) -> None:
    turn = make_turn(conversation)
    assert desk.get(page_of(turn)).status_code == 200
    assert desk.get(reverse("admin:assistant_turn_changelist")).status_code == 403
    assert desk.get(reverse("admin:assistant_turn_change", args=[turn.pk + 999])).status_code == 403
    browser = browser_of(manager)
    assert (
        browser.get(reverse("admin:assistant_turn_change", args=[turn.pk + 9])).status_code == 404
    )
    assert browser.get(reverse("admin:assistant_turn_change", args=["x1"])).status_code == 404


def test_staff_without_a_role_and_strangers_read_nothing(
    conversation: Conversation, agent: User, desk: Client, client: Client
) -> None:
    turn = make_turn(conversation)
    assert client.get(page_of(turn)).status_code == 302
    agent.groups.remove(Group.objects.get(name="agent"))
    assert desk.get(page_of(turn)).status_code == 403


def test_console_leads_from_a_reply_to_its_turn(conversation: Conversation, desk: Client) -> None:
    turn = make_turn(conversation)
    page = desk.get(url_of("conversation", conversation)).content.decode()
    assert page.count(f'href="{page_of(turn)}"') == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 3),
        ("?engine=yes", 1),
        ("?engine=no", 2),
        ("?cached=yes", 1),
        ("?cached=no", 2),
        ("?error=yes", 1),
        ("?error=no", 2),
        ("?outcome__exact=answered", 3),
        ("?tier__exact=strong", 1),
    ],
)
def test_list_is_filtered_by_what_one_looks_for(
    site: Site, conversation: Conversation, manager: User, query: str, found: int
) -> None:
    kept = CachedAnswer.objects.create(
        site=site,
        key="k" * 64,
        question="Can I return boots?",
        locale="en",
        text="Within 30 days.",
        confidence=0.9,
        knowledge_version=1,
        prompt_version="answer/1",
    )
    make_turn(conversation, engine="extractive", error_code="model_unavailable")
    make_turn(conversation, engine="openai", tier="strong")
    make_turn(conversation, engine="openai", tier="small", cached_answer=kept)
    response = browser_of(manager).get(reverse("admin:assistant_turn_changelist") + query)
    assert response.context["cl"].result_count == found
    assert "Can I return boots &amp; tents?" in response.content.decode()
