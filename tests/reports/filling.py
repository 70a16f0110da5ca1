"""Two weeks of turns of every kind, for looking at the report of models and money."""

from datetime import timedelta
from decimal import Decimal
from random import Random

from assistant.cache import ENGINE
from assistant.models import BudgetAlarm, BudgetLimit, HelperRun, Spend, ToolCall
from conversations.models import Site
from reports.spans import last_days
from tests.conftest import make_user
from tests.reports.conftest import Maker
from tests.reports.turns import QUOTED, QUOTED_INSTEAD, STANDARD, Turns, book, used

STRONG = STANDARD | {
    "tier": "strong",
    "tier_reason": "the articles are not quite clear: confidence 0.71",
}
OVER = {"tier_reason": "a plain question; the budget of everything is spent"}
WAYS = (STANDARD, STANDARD, STANDARD, STRONG, QUOTED, QUOTED_INSTEAD, QUOTED | OVER)
STATES = ("done", "done", "done", "failed", "refused", "expired", "unknown", "proposed")


def fill(site: Site) -> None:
    """Store them on a site, from a fixed seed, with what they cost and the tools' calls."""
    rng = Random(11)
    maker = Maker(site)
    turns = Turns(maker)
    kept = turns.kept(cost="0.004200")
    limit = BudgetLimit.objects.get(scope="total", site=None)
    for number, day in enumerate(last_days(14).days):
        at = last_days(14).start + timedelta(days=number, hours=9)
        spent = Decimal(rng.randint(200, 1900)) / 100
        Spend.objects.create(
            scope="total", scope_key="all", day=day, spent_usd=spent, spent_tokens=int(spent * 9000)
        )
        if spent > 10:
            BudgetAlarm.objects.create(limit=limit, scope_key="all", day=day, level=50)
        for _ in range(12):
            way = rng.choice(WAYS)
            price = rng.choice(("0.003100", "0.018700", None))
            costs = used(rng.randint(900, 5000), 180, 700, price) if way.get("tier") else {}
            outcome = rng.choice(("confirmed", "assumed", "assumed", "open"))
            seconds = rng.uniform(0.2, 9)
            turns.ended(
                at,
                outcome=outcome,
                seconds=seconds,
                helpful=rng.choice((None, True, False)),
                **way,
                **costs,
            )
            book(site, at, settled_usd=Decimal(price or 0), settled_tokens=2100)
        for _ in range(4):
            turns.turn(at, engine=ENGINE, cached_answer=rng.choice((kept, kept, None)), seconds=0.1)
        turns.turn(
            at,
            outcome="handed_off",
            tier="strong",
            error_code="promise",
            **used(900, 90, 0, "0.02"),
        )
        turns.turn(at, outcome="asked_back", seconds=0.05)
        book(site, at, purpose="rewrite", settled_usd=Decimal("0.0004"), settled_tokens=300)
        book(site, at, purpose="summary", settled_usd=Decimal("0.0011"), settled_tokens=900)
        book(
            site, at, purpose="help", state="lost", settled_usd=Decimal("0.01"), settled_tokens=900
        )
        for state in STATES:
            ToolCall.objects.create(
                conversation=maker.conversation(),
                tool=rng.choice(("order_status", "cancel_order")),
                effect="read",
                state=state,
                duration_ms=rng.randint(20, 900),
                created_at=at,
            )
    asker = make_user("asker", role="agent")
    for kind in ("draft_reply", "draft_reply", "summary", "translation"):
        HelperRun.objects.create(
            kind=kind, state="done", requested_by=asker, prompt_tokens=800, completion_tokens=120,
            cost=Decimal("0.0021"), created_at=last_days(3).start,
        )  # fmt: skip
