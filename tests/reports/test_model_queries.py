"""Turns by who wrote them: every expected number here was added up by hand."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from assistant.cache import ENGINE
from conversations.models import Message, Site
from reports import model_queries
from reports.model_figures import CacheFigures, KindFigures, TierReason, Withdrawal
from reports.spans import Span
from tests.reports.conftest import Maker
from tests.reports.turns import QUOTED, QUOTED_INSTEAD, STANDARD, Turns, used


@pytest.fixture
def turns(maker: Maker) -> Turns:
    """Makes turns on the test's site."""
    return Turns(maker)


def rows(span: Span, **choice: Any) -> dict[str, KindFigures]:
    """The table by its labels."""
    of = model_queries.turns(span, **({"include_sample": True} | choice))
    return {row.label: row for row in model_queries.kinds(of)}


def test_model_cache_and_quotation_are_not_mixed(turns: Turns, span: Span) -> None:
    at = span.start
    turns.turn(at, **STANDARD, **used(1000, 100, 400, "0.0100"))
    turns.turn(at, **STANDARD, **used(3000, 200, 600, "0.0300"))
    turns.turn(at, **(STANDARD | {"tier": "strong"}), **used(500, 50, 0, "0.2000"))
    turns.turn(at, **QUOTED)
    turns.turn(at, **QUOTED_INSTEAD, **used(700, 70, 0, "0.0070"))
    turns.turn(at, engine=ENGINE, cached_answer=turns.kept(cost="0.05"))
    # Forgotten since: it is still known as given again.
    turns.turn(at, engine=ENGINE)
    turns.turn(at, outcome="asked_back")
    found = rows(span)
    assert {label: row.turns for label, row in found.items()} == {
        "Standard tier": 2,
        "Strong tier": 1,
        "Articles quoted": 1,
        "Articles quoted instead": 1,
        "Given again from the cache": 2,
        "Nothing written": 1,
    }
    standard = found["Standard tier"]
    assert (standard.prompt_tokens, standard.completion_tokens) == (4000, 300)
    assert standard.cached_share == pytest.approx(0.25)
    assert standard.cost == Decimal("0.0400")
    assert standard.share == pytest.approx(2 / 8)
    assert found["Articles quoted instead"].cost == Decimal("0.0070")
    assert found["Articles quoted instead"].withdrawn == 1
    for label in ("Articles quoted", "Given again from the cache", "Nothing written"):
        assert (found[label].cost, found[label].prompt_tokens) == (Decimal(0), 0)
    whole = model_queries.all_kinds(tuple(found.values()))
    assert (whole.turns, whole.cost, whole.prompt_tokens) == (8, Decimal("0.2470"), 5200)
    assert whole.half_within is None


def test_confirmed_and_assumed_are_counted_apart_and_once_an_episode(
    turns: Turns, maker: Maker, span: Span
) -> None:
    at = span.start
    for outcome in ("confirmed", "confirmed", "assumed", "abandoned", "open"):
        turns.ended(at, outcome=outcome, **STANDARD, **used(100, 10, 0, "0.03"))
    # Three answers in one episode: it is the last one's, the cheaper ones' cost stays theirs.
    long = maker.conversation()
    turns.turn(at, conversation=long, **STANDARD, **used(100, 10, 0, "0.03"))
    turns.turn(at, conversation=long, **STANDARD, **used(100, 10, 0, "0.03"))
    strong = STANDARD | {"tier": "strong"}
    turns.ended(at, outcome="confirmed", conversation=long, **strong, **used(100, 10, 0, "0.50"))
    # What followed the last answer was none: small talk, as a thank-you.
    Message.objects.create(conversation=long, seq=9, author_kind="assistant", text="You're welcome")
    found = rows(span)
    assert (found["Standard tier"].confirmed, found["Standard tier"].assumed) == (2, 1)
    assert (found["Strong tier"].confirmed, found["Strong tier"].assumed) == (1, 0)
    # Seven turns at 0.03 for two confirmed resolutions; one at 0.50 for one.
    assert found["Standard tier"].cost_per_confirmed == Decimal("0.105")
    assert found["Strong tier"].cost_per_confirmed == Decimal("0.50")


def test_resolution_is_nobodys_when_a_person_ended_it_or_it_was_reopened(
    turns: Turns, maker: Maker, span: Span
) -> None:
    by_person = turns.turn(span.start, **STANDARD)
    maker.episode(
        span.start,
        conversation=by_person.conversation,
        handled_by="person",
        outcome="confirmed",
        resolved_at=span.start,
    )
    reopened = turns.ended(span.start, outcome="confirmed", **STANDARD).conversation
    reopened.episode = 2
    reopened.save()
    standard = rows(span)["Standard tier"]
    assert (standard.turns, standard.confirmed, standard.assumed) == (2, 0, 0)
    assert standard.cost_per_confirmed is None


def test_unknown_price_is_no_zero(turns: Turns, span: Span) -> None:
    turns.turn(span.start, **STANDARD, **used(100, 10, 0, "0.02"))
    turns.turn(span.start, **STANDARD, **used(100, 10))
    turns.turn(span.start, **(STANDARD | {"tier": "small"}), **used(100, 10))
    found = rows(span)
    assert (found["Standard tier"].cost, found["Standard tier"].unpriced) == (Decimal("0.02"), 1)
    assert (found["Small tier"].cost, found["Small tier"].unpriced) == (None, 1)
    assert found["Small tier"].cost_per_confirmed is None
    whole = model_queries.all_kinds(tuple(found.values()))
    assert (whole.cost, whole.unpriced) == (Decimal("0.02"), 2)


def test_thumbs_hand_offs_and_waits_are_each_kinds_own(turns: Turns, span: Span) -> None:
    at = span.start
    for seconds in (1, 2, 3, 4, 5):
        turns.turn(at, seconds=seconds, helpful=seconds < 4, **STANDARD)
    turns.turn(at, seconds=90, outcome="stopped")
    turns.turn(at, seconds=90, state="failed", outcome="handed_off")
    turns.turn(at, outcome="handed_off", **(STANDARD | {"engine": "", "error_code": "promise"}))
    turns.turn(at, seconds=7, **QUOTED, helpful=False)
    found = rows(span)
    standard = found["Standard tier"]
    assert (standard.helpful, standard.unhelpful, standard.handed_off) == (3, 2, 1)
    assert standard.withdrawn == 1
    # Of 1, 1, 2, 3, 4, 5 seconds half lie within 2.5; 95 % within 4.75, a quarter below the last.
    assert standard.half_within == timedelta(seconds=2.5)
    assert standard.most_within == timedelta(seconds=4.75)
    assert (found["Articles quoted"].unhelpful, found["Articles quoted"].helpful) == (1, 0)
    assert found["Articles quoted"].most_within == timedelta(seconds=7)
    # Stopped and failed turns are none that anybody waited for to the end.
    assert (found["Nothing written"].turns, found["Nothing written"].half_within) == (2, None)
    assert found["Nothing written"].handed_off == 1


def test_turns_are_those_of_the_days_the_website_and_the_sample(
    turns: Turns, maker: Maker, span: Span
) -> None:
    moment = timedelta(microseconds=1)
    for at in (span.start - moment, span.start, span.end - moment, span.end):
        turns.turn(at, **STANDARD)
    turns.turn(span.start, conversation=maker.conversation(is_sample=True), **STANDARD)
    for state in ("superseded", "cancelled"):
        turns.turn(span.start, state=state)
    other = Site.objects.create(key="other", name="Other")
    Turns(Maker(other)).turn(span.start, **STANDARD)
    assert rows(span)["Standard tier"].turns == 4
    assert rows(span, include_sample=False)["Standard tier"].turns == 3
    assert rows(span, site=other)["Standard tier"].turns == 1
    assert rows(span, include_sample=False, site=maker.site)["Standard tier"].turns == 2


def test_reasons_are_counted_without_what_was_measured(turns: Turns, span: Span) -> None:
    for reason in (
        "the articles are not quite clear: confidence 0.71",
        "the articles are not quite clear: confidence 0.80",
        "a long question: 75 words, plan gold 2",
        "a long question: 130 words, plan gold 2",
        "the articles are not quite clear: confidence 0.62",
    ):
        turns.turn(span.start, **(STANDARD | {"tier": "strong", "tier_reason": reason}))
    turns.turn(span.start, **STANDARD)
    turns.turn(
        span.start, **QUOTED, tier_reason="a plain question; the budget of the site is spent"
    )
    turns.turn(span.start, **QUOTED)
    of = model_queries.turns(span, include_sample=True)
    assert model_queries.tier_reasons(of) == (
        TierReason("Strong", "the articles are not quite clear: confidence …", 3, 3 / 7),
        TierReason("Strong", "a long question: … words, plan gold 2", 2, 2 / 7),
        TierReason("No model", "a plain question; the budget of the site is spent", 1, 1 / 7),
        TierReason("Standard", "a plain question", 1, 1 / 7),
    )


def test_rare_reasons_stand_in_one_row(
    turns: Turns, span: Span, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_queries, "MOST_REASONS", 1)
    for reason in ("a", "a", "b", "c"):
        turns.turn(span.start, **(STANDARD | {"tier_reason": reason}))
    found = model_queries.tier_reasons(model_queries.turns(span, include_sample=True))
    both = (TierReason("Standard", "a", 2, 0.5), TierReason("", "Other reasons", 2, 0.5))
    assert found == both
    # So many wordings that not all are even read.
    monkeypatch.setattr(model_queries, "MOST_WORDINGS", 2)
    assert model_queries.tier_reasons(model_queries.turns(span, include_sample=True)) == both


def test_withdrawals_say_who_had_written_and_what_came_instead(turns: Turns, span: Span) -> None:
    turns.turn(span.start, **QUOTED_INSTEAD)
    turns.turn(span.start, **QUOTED_INSTEAD)
    turns.turn(
        span.start, outcome="handed_off", tier="strong", error_code="promise", model="m-strong"
    )
    # No guardrail's doing.
    turns.turn(span.start, **(QUOTED_INSTEAD | {"error_code": "model_unavailable"}))
    of = model_queries.turns(span, include_sample=True)
    assert model_queries.withdrawals(of) == (
        Withdrawal("Not covered by the articles", "Standard", 2, handed_off=0, quoted=2),
        Withdrawal("A promise that only a person may give", "Strong", 1, handed_off=1, quoted=0),
    )


def test_cache_saves_what_the_kept_answers_cost_each_time(turns: Turns, span: Span) -> None:
    dear, cheap = turns.kept(cost="0.40", key="a"), turns.kept(cost="0.01", key="b")
    for kept in (dear, dear, cheap, turns.kept(cost=None, key="c"), None):
        turns.turn(span.start, engine=ENGINE, cached_answer=kept)
    for made in (STANDARD, STANDARD, QUOTED_INSTEAD, QUOTED, {}):
        turns.turn(span.start, **made)
    of = model_queries.turns(span, include_sample=True)
    found = model_queries.cache_figures(of, kinds=model_queries.kinds(of))
    # Twice 0.40 and once 0.01; of five given again and three that asked a model.
    assert found == CacheFigures(given=5, asked=3, saved=Decimal("0.81"), unknown=2)
    assert found.hit_share == pytest.approx(5 / 8)


def test_nothing_is_said_of_no_turns(site: Site, span: Span) -> None:
    of = model_queries.turns(span, include_sample=True)
    assert model_queries.kinds(of) == ()
    assert model_queries.all_kinds(()) == KindFigures(kind="", label="All")
    assert model_queries.tier_reasons(of) == ()
    assert model_queries.withdrawals(of) == ()
    none = model_queries.cache_figures(of, kinds=())
    assert none == CacheFigures(given=0, asked=0, saved=Decimal(0), unknown=0)
    assert none.hit_share is None
