"""What models may cost: set apart before, booked after, never over a limit."""

import os
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from assistant import budget
from assistant.budget import Amount, Purpose, most_of, reserve, settle, settle_stale
from assistant.models import BudgetAlarm, BudgetLimit, Reservation, Spend
from assistant.planning import purpose_of
from conversations.models import Site
from conversations.services import CustomerClaim, start_conversation
from llm.models import ModelPrice
from llm.pricing import forget_prices
from llm.types import Usage
from tests.assistant.hammering import hammer

pytestmark = pytest.mark.django_db
PROMPT, COMPLETION = 1000, 500
# Prices are so made that a use of 1,000 and 500 tokens, twice, is 3, 0.3 and 0.03 dollars.
PRICES = {"strong": 1000, "standard": 100, "small": 10}
TOKENS = 2 * (PROMPT + COMPLETION)


@pytest.fixture(autouse=True)
def _models(site: Site, settings: LazySettings) -> Iterator[None]:
    """A model a tier, named after it, with plain prices; and no limit."""
    settings.OPENAI_SMALL_MODELS = ["small"]
    settings.OPENAI_MODELS = ["standard"]
    settings.OPENAI_STRONG_MODELS = ["strong"]
    BudgetLimit.objects.all().delete()
    for model, usd in PRICES.items():
        ModelPrice.objects.create(
            model=model, input_usd=usd, cached_input_usd=usd, output_usd=usd, as_of="2026-01-01"
        )
    forget_prices()
    yield
    forget_prices()


def purpose(site: Site, **fields: Any) -> Purpose:
    return Purpose("answer", site.pk, **fields)


def grant_of(who: Purpose, **fields: Any) -> budget.Grant:
    wanted = {"wanted": "strong", "prompt_tokens": PROMPT, "max_completion_tokens": COMPLETION}
    return reserve(who, **{**wanted, **fields})


def spend_of(scope: str) -> Spend:
    return Spend.objects.get(scope=scope)


def limit(scope: str, *, usd: str | None = None, **fields: Any) -> BudgetLimit:
    return BudgetLimit.objects.create(scope=scope, usd=Decimal(usd) if usd else None, **fields)


def test_use_when_reserved_counts_at_its_most_in_every_scope(site: Site) -> None:
    grant = grant_of(purpose(site, customer_pk=7, conversation_pk=8))
    assert grant.tier == "strong"
    rows = Spend.objects.order_by("scope").values_list(
        "scope", "scope_key", "reserved_usd", "reserved_tokens", "spent_usd"
    )
    assert list(rows) == [
        (scope, key, Decimal(3), TOKENS, Decimal(0))
        for scope, key in (
            ("conversation", "8"), ("customer", "7"), ("site", str(site.pk)), ("total", "all")
        )
    ]  # fmt: skip


def test_use_when_settled_books_what_it_cost_and_lets_the_rest_go(site: Site) -> None:
    grant = grant_of(purpose(site))
    assert grant.reservation_pk
    cost = settle(grant.reservation_pk, [Usage("strong", 1000, 100, cached_tokens=0)])
    row = spend_of("total")
    assert cost == row.spent_usd == Decimal("1.1")
    assert (row.spent_tokens, row.reserved_tokens, row.reserved_usd) == (1100, 0, Decimal(0))


def test_use_when_settled_twice_is_booked_once(site: Site) -> None:
    grant = grant_of(purpose(site))
    assert grant.reservation_pk
    for _ in range(2):
        settle(grant.reservation_pk, [Usage("strong", 1000, 0, cached_tokens=0)])
    assert spend_of("total").spent_usd == 1


def test_use_when_a_model_has_no_price_counts_its_tokens(site: Site) -> None:
    ModelPrice.objects.all().delete()
    forget_prices()
    limit("total", tokens=TOKENS)
    grant = grant_of(purpose(site))
    assert grant.reservation_pk
    assert settle(grant.reservation_pk, [Usage("strong", 10, 5, cached_tokens=0)]) is None
    assert spend_of("total").spent_tokens == 15
    assert grant_of(purpose(site)).tier is None


@pytest.mark.parametrize("scope", ["conversation", "customer", "site", "total"])
@pytest.mark.parametrize("cap", [{"usd": Decimal(4)}, {"tokens": TOKENS + 100}])
def test_scope_when_its_limit_has_room_for_one_gives_no_second_as_dear(
    site: Site, scope: str, cap: dict[str, Any]
) -> None:
    BudgetLimit.objects.create(scope=scope, **cap)
    who = purpose(site, customer_pk=7, conversation_pk=8)
    assert grant_of(who).tier == "strong"
    # Tokens are the same in every tier; of money the next cheaper one takes less.
    assert grant_of(who).tier == ("standard" if "usd" in cap else None)


@pytest.mark.parametrize("scope", ["conversation", "customer"])
def test_limit_of_one_when_it_is_spent_leaves_the_others_alone(site: Site, scope: str) -> None:
    limit(scope, usd="3")
    spent, other = {f"{scope}_pk": 7}, {f"{scope}_pk": 8}
    assert grant_of(purpose(site, **spent)).tier == "strong"
    assert grant_of(purpose(site, **spent)).tier is None
    assert grant_of(purpose(site, **other)).tier == "strong"


def test_limit_of_a_network_holds_for_its_new_visitors_too(site: Site) -> None:
    limit("network", usd="3")
    assert grant_of(purpose(site, customer_pk=7, network="one")).tier == "strong"
    assert grant_of(purpose(site, customer_pk=8, network="one")).tier is None
    assert grant_of(purpose(site, customer_pk=9, network="two")).tier == "strong"
    assert grant_of(purpose(site, customer_pk=9)).tier == "strong"


@pytest.mark.parametrize(("minutes", "counted"), [(-1, ["one"]), (1, [])])
def test_network_counts_for_those_who_are_not_signed_in(
    site: Site, minutes: int, counted: list[str]
) -> None:
    claim = CustomerClaim(
        external_id="1",
        is_verified=True,
        expires_at=timezone.now() + timedelta(minutes=minutes),
    )
    conversation, _ = start_conversation(site, claim=claim, network="one")
    grant_of(purpose_of(conversation, "answer"))
    kept = Spend.objects.filter(scope="network").values_list("scope_key", flat=True)
    assert list(kept) == counted


def test_limit_of_a_site_goes_before_that_of_all_sites(site: Site) -> None:
    other = Site.objects.create(key="other", name="Other")
    limit("site", usd="0.001")
    limit("site", usd="3", site=site)
    assert grant_of(purpose(site)).tier == "strong"
    assert grant_of(purpose(other)).tier is None


def test_limit_when_it_is_switched_off_holds_nobody(site: Site) -> None:
    limit("total", usd="0.01", is_active=False)
    assert grant_of(purpose(site)).tier == "strong"


def test_limit_begins_anew_with_the_day(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    limit("total", usd="3")
    assert grant_of(purpose(site)).tier == "strong"
    assert grant_of(purpose(site)).tier is None
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow)
    assert grant_of(purpose(site)).tier == "strong"


def test_budget_when_it_runs_out_goes_down_the_ladder_and_says_why(site: Site) -> None:
    limit("total", usd="3.35")
    grants = [grant_of(purpose(site)) for _ in range(4)]
    assert [(one.tier, one.reason) for one in grants] == [
        ("strong", ""),
        ("standard", "strong is over the budget"),
        ("small", "strong is over the budget"),
        (None, "the budget of everything is spent"),
    ]
    assert grants[-1].reservation_pk is None
    # What found no room is held nowhere.
    assert spend_of("total").reserved_usd == spend_of("site").reserved_usd == Decimal("3.33")
    assert Reservation.objects.count() == 3


def test_ladder_never_goes_up(site: Site) -> None:
    assert grant_of(purpose(site), wanted="small").tier == "small"


def test_ladder_leaves_out_a_tier_without_models(site: Site, settings: LazySettings) -> None:
    settings.OPENAI_SMALL_MODELS = []
    limit("total", usd="0.1")
    assert grant_of(purpose(site)).tier is None


def test_most_of_a_tier_is_what_its_dearest_model_costs_tried_twice(
    settings: LazySettings,
) -> None:
    settings.OPENAI_MODELS = ["standard", "strong"]
    most = most_of("standard", prompt_tokens=PROMPT, max_completion_tokens=COMPLETION)
    assert most == Amount(Decimal(3), TOKENS)


def test_most_of_a_use_with_tools_holds_each_round(settings: LazySettings) -> None:
    most = most_of("standard", prompt_tokens=PROMPT, max_completion_tokens=COMPLETION, rounds=3)
    assert most == Amount(Decimal("0.9"), 3 * TOKENS)


@pytest.mark.parametrize(
    ("usd", "levels"), [("7", []), ("6", [50]), ("3.7", [50, 80]), ("3", [50, 80, 100])]
)
def test_alarm_when_a_share_is_reached_is_raised_once(
    site: Site, usd: str, levels: list[int]
) -> None:
    limit("site", usd=usd)
    for _ in range(2):
        grant_of(purpose(site), wanted="strong")
        if not levels or levels[-1] < 100:
            break
    assert list(BudgetAlarm.objects.order_by("level").values_list("level", flat=True)) == levels


def test_alarm_when_no_use_fits_any_more_says_that_all_is_spent(site: Site) -> None:
    capped = limit("total", usd="3.009")
    assert grant_of(purpose(site)).tier == "strong"
    BudgetAlarm.objects.all().delete()
    BudgetLimit.objects.filter(pk=capped.pk).update(usd=Decimal("3.02"))
    assert grant_of(purpose(site)).tier is None
    assert BudgetAlarm.objects.filter(limit=capped, level=100).count() == 1


def test_alarm_of_one_customer_is_not_that_of_another(site: Site) -> None:
    limit("customer", usd="3")
    for pk in (1, 2):
        grant_of(purpose(site, customer_pk=pk))
    raised = BudgetAlarm.objects.filter(level=100).values_list("scope_key", flat=True)
    assert sorted(raised) == ["1", "2"]


def test_reservation_of_a_dead_worker_is_booked_in_full(site: Site) -> None:
    old, fresh = (grant_of(purpose(site)).reservation_pk for _ in range(2))
    assert old
    age = timezone.now() - timedelta(seconds=budget.STALE_SECONDS + 1)
    Reservation.objects.filter(pk=old).update(created_at=age)
    assert settle_stale() == 1
    row = spend_of("total")
    assert (row.spent_usd, row.reserved_usd) == (Decimal(3), Decimal(3))
    states = dict(Reservation.objects.values_list("pk", "state"))
    assert states == {old: "lost", fresh: "held"}
    assert settle_stale() == 0


@pytest.mark.parametrize("clients", [50, 1])
@pytest.mark.django_db(transaction=True)
def test_clients_when_they_hammer_never_spend_over_the_limit(
    site: Site, capsys: pytest.CaptureFixture[str], clients: int
) -> None:
    """`make bench-budget` lets it go on for a minute, and says how long a reservation takes."""
    seconds = float(os.environ.get("BUDGET_SECONDS", "0"))
    limit("total", usd="40")
    limit("site", usd="30")
    met = hammer(site.pk, clients=clients, seconds=seconds or 2)
    assert met.errors == []
    total, own = spend_of("total"), spend_of("site")
    booked = list(Reservation.objects.all())
    assert total.spent_usd == own.spent_usd == sum(one.settled_usd or 0 for one in booked)
    assert (total.reserved_usd, total.reserved_tokens) == (Decimal(0), 0)
    assert {one.state for one in booked} == {"settled"}
    assert len(booked) == met.granted
    assert own.spent_usd <= 30
    # It was the limit that held them, or nothing is proved.
    assert {one.tier for one in booked} > {"strong"}
    if seconds:
        with capsys.disabled():
            print(f"\n{clients} clients: {met}")  # noqa: T201 - the figures for a page
