"""The table that chooses a tier: which rule fits, in which order, and what is said of it."""

import time
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from assistant import routing
from assistant.models import TierRule
from assistant.routing import (
    DEFAULT_RULES,
    Rule,
    TurnFacts,
    choose_tier,
    count_parts,
    find_tier,
    tier_of_task,
)
from conversations.models import Site

PLAIN = TurnFacts(task="answer", words=8, parts=1, confidence=0.95)
EVERYTHING = TurnFacts(
    task="answer", words=70, parts=3, confidence=0.5, needs_tools=True, plan="Gold"
)


@pytest.fixture(autouse=True)
def _fresh_table() -> Iterator[None]:
    routing._rules_of.cache_clear()
    yield
    routing._rules_of.cache_clear()


@pytest.mark.parametrize(
    ("facts", "tier", "reason"),
    [
        (PLAIN, "standard", "a plain question"),
        (
            TurnFacts(task="answer", words=8, parts=2, confidence=0.95),
            "strong",
            "several questions at once: 2 questions",
        ),
        (
            TurnFacts(task="answer", words=60, parts=1, confidence=0.95),
            "strong",
            "a long question: 60 words",
        ),
        (
            TurnFacts(task="answer", words=59, parts=1, confidence=0.85),
            "strong",
            "the articles are not quite clear: confidence 0.85",
        ),
        (TurnFacts(task="summary", words=900, parts=9, confidence=0.0), "small", "a short task"),
    ],
)
def test_shipped_table_when_a_turn_is_like_this_chooses_and_says_why(
    facts: TurnFacts, tier: str, reason: str
) -> None:
    choice = choose_tier(facts, rules=DEFAULT_RULES)
    assert (choice.tier, choice.reason) == (tier, reason)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (Rule("strong", task="answer"), ""),
        (Rule("strong", min_words=70), "70 words"),
        (Rule("strong", min_parts=3), "3 questions"),
        (Rule("strong", max_confidence=0.5), "confidence 0.50"),
        (Rule("strong", needs_tools=True), "with tools"),
        (Rule("strong", plan="gold"), "plan Gold"),
        (Rule("strong", min_words=2, plan="GOLD", note="good customers"), "good customers: "),
    ],
)
def test_condition_when_it_is_met_chooses_the_rule(rule: Rule, reason: str) -> None:
    choice = choose_tier(EVERYTHING, rules=[rule])
    assert choice.tier == "strong"
    assert choice.reason.startswith(reason)


@pytest.mark.parametrize(
    "rule",
    [
        Rule("strong", task="summary"),
        Rule("strong", min_words=71),
        Rule("strong", min_parts=4),
        Rule("strong", max_confidence=0.49),
        Rule("strong", needs_tools=False),
        Rule("strong", plan="silver"),
        Rule("strong", task="answer", min_words=71, min_parts=1),
    ],
)
def test_condition_when_it_is_not_met_passes_the_rule_over(rule: Rule) -> None:
    assert choose_tier(EVERYTHING, rules=[rule]).reason == "no rule fits"


def test_first_rule_that_fits_wins_whatever_comes_after() -> None:
    rules = [Rule("strong", min_words=500), Rule("small", note="first"), Rule("strong")]
    assert choose_tier(PLAIN, rules=rules) == routing.TierChoice("small", "first")


def test_pinned_tier_goes_before_all_rules() -> None:
    choice = choose_tier(EVERYTHING, rules=DEFAULT_RULES, pinned="small")
    assert (choice.tier, choice.reason) == ("small", "pinned for this website")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Where is my order?", 1),
        ("I want to send it back.", 1),
        ("Where is my order?? And how do I return it?", 2),
        ("Do you also ship to Malta?", 1),
        ("Can I return shoes and how long does the refund take?", 2),
        ("See https://shop.example.com/a?b=c please", 1),
        ("\u00bfD\u00f3nde est\u00e1 mi pedido? \u00bfCu\u00e1nto cuesta?", 2),
        ("Wo ist mein Paket und wie lange dauert das?", 2),
        ("", 1),
    ],
)
def test_parts_are_the_questions_that_a_message_asks(text: str, parts: int) -> None:
    assert count_parts(text) == parts


@given(st.lists(st.sampled_from(["Where is it?", "How much is it?", "Is it red?"]), min_size=1))
def test_parts_when_questions_stand_in_a_row_are_as_many(questions: list[str]) -> None:
    assert count_parts(" ".join(questions)) == len(questions)


@given(st.text(max_size=300))
def test_parts_of_any_text_are_between_one_and_what_was_asked(text: str) -> None:
    assert 1 <= count_parts(text) <= 1 + len(text)


@given(
    st.integers(0, 500),
    st.integers(1, 9),
    st.floats(0, 1),
    st.sampled_from(["answer", "summary", "title"]),
)
def test_shipped_table_gives_every_turn_a_tier_by_a_rule(
    words: int, parts: int, confidence: float, task: str
) -> None:
    facts = TurnFacts(task=task, words=words, parts=parts, confidence=confidence)
    choice = choose_tier(facts, rules=DEFAULT_RULES)
    assert choice.reason != "no rule fits"
    is_plain = words < 60 and parts == 1 and confidence > 0.85
    assert choice.tier == ("small" if task != "answer" else "standard" if is_plain else "strong")


def test_sites_own_rules_are_asked_before_those_of_all_sites(site: Site) -> None:
    TierRule.objects.all().delete()
    TierRule.objects.create(position=1, tier="strong", note="all")
    TierRule.objects.create(position=9, tier="small", note="own", site=site)
    other = Site.objects.create(key="other", name="Other")
    assert find_tier(site, PLAIN).reason == "own"
    assert find_tier(other, PLAIN).reason == "all"


def test_rule_when_it_is_switched_off_is_not_asked(site: Site) -> None:
    TierRule.objects.all().delete()
    TierRule.objects.create(position=1, tier="strong", is_active=False)
    assert find_tier(site, PLAIN).reason == "no rule fits"


def test_short_task_is_given_the_tier_of_its_rule_and_the_small_one_without(site: Site) -> None:
    site.pinned_tier = "strong"
    site.save()
    assert tier_of_task("rewrite", site_pk=site.pk) == "small"
    TierRule.objects.all().delete()
    TierRule.objects.create(position=1, tier="standard", task="answer")
    routing._rules_of.cache_clear()
    assert tier_of_task("rewrite", site_pk=site.pk) == "small"
    TierRule.objects.create(position=2, tier="strong", task="rewrite")
    routing._rules_of.cache_clear()
    assert tier_of_task("rewrite", site_pk=site.pk) == "strong"
    assert tier_of_task("summary", site_pk=site.pk) == "small"


def test_migration_ships_the_table_that_the_code_names(db: None) -> None:
    rows = TierRule.objects.order_by("position").values_list(
        "tier", "task", "min_words", "min_parts", "max_confidence", "note"
    )
    assert list(rows) == [
        (one.tier, one.task, one.min_words, one.min_parts, one.max_confidence, one.note)
        for one in DEFAULT_RULES
    ]


def test_table_is_read_anew_after_five_seconds(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    find_tier(site, PLAIN)
    with CaptureQueriesContext(connection) as queries:
        now[0] += 4.9
        find_tier(site, PLAIN)
    assert not len(queries)
    TierRule.objects.update(tier="small")
    assert find_tier(site, PLAIN).tier == "standard"
    now[0] += 0.2
    assert find_tier(site, PLAIN).tier == "small"


def test_parts_when_marks_run_on_for_ever_are_counted_at_once() -> None:
    start = time.process_time()
    assert count_parts("x" + "?" * 4_000 + "x") == 1
    assert count_parts("Really" + "?!" * 2_000) == 1
    assert count_parts("Stop!") == 1
    # It took minutes: every run of marks was tried from each of them.
    assert time.process_time() - start < 0.5
