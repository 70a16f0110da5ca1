"""What was booked, against which limit, and the tools' calls: numbers added up by hand."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from assistant.models import BudgetAlarm, BudgetLimit, HelperRun, Spend, ToolCall
from conversations.models import Site
from reports import money_queries
from reports.model_figures import HelpFigures, Limit, ToolFigures
from reports.spans import Span
from tests.conftest import make_user
from tests.reports.conftest import Maker
from tests.reports.turns import QUOTED, STANDARD, Turns, book, used


@pytest.fixture
def other(db: None) -> Site:
    """A second website."""
    return Site.objects.create(key="other", name="Other")


@pytest.fixture
def manager(site: Site) -> User:
    """Somebody who asks for help."""
    return make_user("mia", role="manager")


def test_days_are_told_against_the_limit_with_their_highest_alarm(site: Site, span: Span) -> None:
    BudgetLimit.objects.all().delete()
    limit = BudgetLimit.objects.create(scope="total", usd=Decimal(4), tokens=1000)
    second = span.days[1]
    Spend.objects.create(
        scope="total", scope_key="all", day=second, spent_usd=Decimal(3), spent_tokens=250
    )
    Spend.objects.create(scope="site", scope_key=str(site.pk), day=second, spent_usd=Decimal(9))
    for level in (50, 80):
        BudgetAlarm.objects.create(limit=limit, scope_key="all", day=second, level=level)
    found = money_queries.spend_days(span, site=None, limit=money_queries.limit_of(None))
    assert [day.day for day in found] == span.days
    assert (found[1].usd, found[1].tokens, found[1].alarm) == (Decimal(3), 250, 80)
    assert (found[1].usd_share, found[1].token_share) == (0.75, 0.25)
    assert (found[0].usd, found[0].usd_share, found[0].alarm) == (Decimal(0), 0.0, None)


def test_days_of_a_website_are_its_own_and_so_is_its_limit(
    site: Site, other: Site, span: Span
) -> None:
    BudgetLimit.objects.all().delete()
    BudgetLimit.objects.create(scope="site", usd=Decimal(10))
    for which, usd in ((site, 2), (other, 5)):
        Spend.objects.create(
            scope="site", scope_key=str(which.pk), day=span.first, spent_usd=Decimal(usd)
        )
    own = money_queries.limit_of(site)
    assert money_queries.spend_days(span, site=site, limit=own)[0].usd_share == 0.2
    BudgetLimit.objects.create(scope="site", site=site, usd=Decimal(4))
    own = money_queries.limit_of(site)
    assert money_queries.spend_days(span, site=site, limit=own)[0].usd_share == 0.5
    theirs = money_queries.limit_of(other)
    assert money_queries.spend_days(span, site=other, limit=theirs)[0].usd_share == 0.5


def test_day_without_a_limit_is_a_share_of_nothing(site: Site, span: Span) -> None:
    BudgetLimit.objects.update(is_active=False)
    assert money_queries.limit_of(None) is None
    day = money_queries.spend_days(span, site=None, limit=None)[0]
    assert (day.limit, day.usd_share, day.token_share) == (Limit(), None, None)


def test_purposes_are_what_was_booked(site: Site, other: Site, span: Span) -> None:
    at = span.start
    book(site, at, settled_usd=Decimal("0.20"), settled_tokens=100)
    book(other, at, settled_usd=Decimal("0.10"), settled_tokens=50)
    book(site, at, settled_tokens=70)
    book(site, at, state="lost", settled_usd=Decimal("0.90"), settled_tokens=900)
    book(site, at, purpose="summary", settled_usd=Decimal("0.01"), settled_tokens=10)
    book(site, at, purpose="help", settled_usd=Decimal("0.02"), settled_tokens=20)
    # Never used, held still, or of another day.
    book(site, at)
    book(site, at, state="held", settled_usd=None, settled_tokens=None)
    book(site, at - timedelta(microseconds=1), settled_usd=Decimal(7))
    book(site, span.end, settled_usd=Decimal(7))
    found = money_queries.purposes(span)
    assert [(row.label, row.uses, row.usd, row.tokens) for row in found] == [
        ("Answers to customers", 4, Decimal("1.20"), 1120),
        ("Help for agents and managers", 1, Decimal("0.02"), 20),
        ("Summaries", 1, Decimal("0.01"), 10),
    ]
    assert (found[0].unpriced, found[0].lost) == (1, 1)
    [theirs] = money_queries.purposes(span, site=other)
    assert (theirs.uses, theirs.usd) == (1, Decimal("0.10"))


def test_help_is_counted_by_kind(maker: Maker, other: Site, manager: User, span: Span) -> None:
    made = maker.conversation()

    def run(kind: str, state: str, cost: str | None, tokens: int = 100) -> None:
        HelperRun.objects.create(
            kind=kind,
            state=state,
            conversation=made,
            requested_by=manager,
            prompt_tokens=tokens,
            completion_tokens=tokens // 10,
            cost=None if cost is None else Decimal(cost),
            created_at=span.start,
        )

    run("draft_reply", "done", "0.02")
    run("draft_reply", "failed", "0.01")
    run("draft_reply", "done", None)
    # Quoted without a model: no price is missing.
    run("title", "done", None, tokens=0)
    assert money_queries.help_runs(span) == (
        HelpFigures("Draft a reply", 3, 2, 1, tokens=330, cost=Decimal("0.03"), unpriced=1),
        HelpFigures("Title", 1, 1, 0, tokens=0, cost=Decimal(0), unpriced=0),
    )
    assert money_queries.help_runs(span, site=other) == ()


def test_calls_of_tools_stand_in_one_column_each(maker: Maker, other: Site, span: Span) -> None:
    made = maker.conversation()
    states = ("done", "done", "failed", "refused", "cancelled", "expired", "unknown", "proposed")
    for number, state in enumerate(states):
        ToolCall.objects.create(
            conversation=made,
            tool="cancel_order",
            effect="write",
            state=state,
            duration_ms=100 * number if number < 3 else None,
            created_at=span.start,
        )
    ToolCall.objects.create(
        conversation=maker.conversation(is_sample=True),
        tool="order_status",
        effect="read",
        state="done",
        created_at=span.start,
    )
    ToolCall.objects.create(
        conversation=made, tool="late", effect="read", state="done", created_at=span.end
    )
    writes = ToolFigures(
        "cancel_order", "Changes something", calls=8, done=2, failed=1, refused=1, dropped=2,
        unknown=1, open=1, half_within_ms=100.0,
    )  # fmt: skip
    assert money_queries.tools(span, include_sample=False) == (writes,)
    both = money_queries.tools(span, include_sample=True)
    assert [(row.tool, row.calls) for row in both] == [("cancel_order", 8), ("order_status", 1)]
    assert money_queries.tools(span, include_sample=True, site=other) == ()


def test_report_takes_as_many_queries_for_many_turns_as_for_some(maker: Maker, span: Span) -> None:
    turns = Turns(maker)

    def add() -> None:
        turns.ended(span.start, outcome="confirmed", **STANDARD, **used(10, 1, 0, "0.1"))
        turns.turn(span.start, **QUOTED)
        book(maker.site, span.start)

    add()
    with CaptureQueriesContext(connection) as few:
        money_queries.build_model_report(span, include_sample=True)
    for _ in range(5):
        add()
    with CaptureQueriesContext(connection) as many:
        report = money_queries.build_model_report(span, include_sample=True)
    assert report.all.turns == 12
    assert len(many) == len(few) == 11
