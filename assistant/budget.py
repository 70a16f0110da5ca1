"""What models may cost a day: reserved before each use under a short lock, settled after it.

A reservation counts the most that a use can cost, so that however many run at once they never
spend more than a limit.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from assistant.models import BudgetAlarm, BudgetLimit, Reservation, Scope, Spend
from core.holding import held
from llm.pricing import Price, cost_of, price_of, total_cost
from llm.tiers import models_of
from llm.types import TIERS, Tier, Usage

logger = logging.getLogger(__name__)
State = Reservation.State
LEVELS: Final = (50, 80, 100)
# Longer than any turn: whoever held it is dead.
STALE_SECONDS = 150
# A use may be tried once more.
ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Purpose:
    """For whom and what a model is used; what is None has no limit of its own."""

    name: str
    site_pk: int
    customer_pk: int | None = None
    conversation_pk: int | None = None
    turn_pk: int | None = None
    # As ``core.limits.network_key`` names it.
    network: str | None = None

    @property
    def scopes(self) -> list[tuple[str, str]]:
        """The scopes whose limits hold, in the one order in which their rows are locked."""
        keys = {
            Scope.CONVERSATION: self.conversation_pk,
            Scope.CUSTOMER: self.customer_pk,
            Scope.NETWORK: self.network,
            Scope.SITE: self.site_pk,
        }
        own = [(str(scope), str(key)) for scope, key in keys.items() if key is not None]
        return [*own, (str(Scope.TOTAL), "all")]


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in US dollars, and tokens."""

    usd: Decimal
    tokens: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be used: ``tier`` None is no model at all; ``reason`` says why it is not more."""

    tier: Tier | None
    reservation_pk: int | None = None
    reason: str = ""


@transaction.atomic
def reserve(
    purpose: Purpose,
    *,
    wanted: Tier,
    prompt_tokens: int,
    max_completion_tokens: int,
    rounds: int = 1,
) -> Grant:
    """Set apart what a use may cost at most; the best tier up to ``wanted`` that is left.

    ``rounds`` is how often the model may be asked: once more after each round of tools.
    The rows of the scopes are locked, always in the same order, until this commits.
    """
    limits = _limits(purpose.site_pk)
    day = timezone.now().date()
    spent_out: BudgetLimit | None = None
    for tier in _ladder(wanted):
        amount = most_of(
            tier,
            prompt_tokens=prompt_tokens,
            max_completion_tokens=max_completion_tokens,
            rounds=rounds,
        )
        held_pk, spends = _hold(purpose, tier, amount, day=day)
        spent_out = _what_is_spent(spends, limits)
        if spent_out is None:
            reason = "" if tier == wanted else f"{wanted} is over the budget"
            _raise_alarms(spends, limits, day=day)
            return Grant(tier, held_pk, reason)
        _let_go(held_pk, amount, spends=spends)
    _raise_alarms(spends, limits, day=day, spent_out=spent_out)
    scope = spent_out.get_scope_display().lower() if spent_out else ""
    return Grant(None, None, f"the budget of {scope} is spent")


def most_of(
    tier: Tier, *, prompt_tokens: int, max_completion_tokens: int, rounds: int = 1
) -> Amount:
    """Return the most that a use of a tier can cost, all its attempts and models included."""
    times = ATTEMPTS * rounds
    prompt, completion = prompt_tokens * times, max_completion_tokens * times
    prices = [price for model in _models(tier) if (price := price_of(model)) is not None]
    usd = max((_cost(price, prompt, completion) for price in prices), default=Decimal(0))
    return Amount(usd, prompt + completion)


def settle(reservation_pk: int, usages: Sequence[Usage]) -> Decimal | None:
    """Book what a use really cost and let go of the rest; of two calls the second does nothing.

    Returns the cost in US dollars, None where no price is known.
    """
    cost = total_cost(usages)
    tokens = sum(usage.prompt_tokens + usage.completion_tokens for usage in usages)
    _settle(
        reservation_pk,
        Amount(cost or Decimal(0), tokens),
        state=State.SETTLED,
        # A server may name its model as no price does: nothing it wrote is free for that.
        is_known=all(cost_of(usage) is not None for usage in usages),
    )
    return cost


def settle_stale() -> int:
    """Book in full what dead workers reserved; return how many. Their calls may be billed."""
    stale = Reservation.objects.filter(
        state=State.HELD, created_at__lt=Now() - timedelta(seconds=STALE_SECONDS)
    )
    rows = list(stale.order_by("created_at")[:200])
    for row in rows:
        _settle(row.pk, Amount(row.usd, row.tokens), state=State.LOST)
    return len(rows)


# The rows of the scopes are locked in the order in which a reservation locks them.
SETTLING = """
WITH held AS (
    UPDATE assistant_reservation
    SET state = %(state)s, settled_at = statement_timestamp(), settled_tokens = %(tokens)s,
        settled_usd = CASE WHEN %(is_known)s THEN %(usd)s ELSE greatest(%(usd)s, usd) END
    WHERE id = %(pk)s AND state = 'held'
    RETURNING usd, tokens, settled_usd, settled_tokens, scopes, day
), locked AS (
    SELECT spend.id
    FROM held CROSS JOIN jsonb_array_elements(held.scopes) AS pair
    JOIN assistant_spend AS spend
        ON spend.scope = pair->>0 AND spend.scope_key = pair->>1 AND spend.day = held.day
    ORDER BY spend.scope, spend.scope_key
    FOR UPDATE OF spend
)
UPDATE assistant_spend AS spend
SET reserved_usd = spend.reserved_usd - held.usd,
    reserved_tokens = spend.reserved_tokens - held.tokens,
    spent_usd = spend.spent_usd + held.settled_usd,
    spent_tokens = spend.spent_tokens + held.settled_tokens
FROM held CROSS JOIN locked
WHERE spend.id = locked.id
"""


def _settle(pk: int, amount: Amount, *, state: Reservation.State, is_known: bool = True) -> None:
    """Book ``amount``, or where it is not known all that was held if that is more."""
    with connection.cursor() as cursor:
        cursor.execute(
            SETTLING,
            {
                "pk": pk,
                "state": state,
                "usd": amount.usd,
                "tokens": amount.tokens,
                "is_known": is_known,
            },
        )


def _ladder(wanted: Tier) -> list[Tier]:
    """Return the tiers from ``wanted`` down that have models."""
    below = TIERS[: TIERS.index(wanted) + 1]
    return [tier for tier in reversed(below) if models_of(tier) or tier == wanted]


def _models(tier: Tier) -> tuple[str, ...]:
    return models_of(tier) or models_of("standard")


def _cost(price: Price, prompt: int, completion: int) -> Decimal:
    return price.of(prompt=prompt, cached=0, completion=completion)


@held
def _limits(site_pk: int) -> Mapping[str, BudgetLimit]:
    """Return the limit of each scope; the site's own goes before that of all sites."""
    rows = BudgetLimit.objects.filter(Q(site=site_pk) | Q(site=None), is_active=True).order_by(
        F("site").asc(nulls_first=True)
    )
    return {row.scope: row for row in rows}


# Makes or locks the rows of the scopes in one order, so that two never wait in a ring.
HOLDING = """
WITH spends AS (
    INSERT INTO assistant_spend AS spend
        (scope, scope_key, day, reserved_usd, spent_usd, reserved_tokens, spent_tokens)
    SELECT scope, scope_key, %(day)s, %(usd)s, 0, %(tokens)s, 0
    FROM unnest(%(names)s::text[], %(keys)s::text[]) AS wanted(scope, scope_key)
    ORDER BY scope, scope_key
    ON CONFLICT (scope, scope_key, day) DO UPDATE
    SET reserved_usd = spend.reserved_usd + EXCLUDED.reserved_usd,
        reserved_tokens = spend.reserved_tokens + EXCLUDED.reserved_tokens
    RETURNING spend.*
), held AS (
    INSERT INTO assistant_reservation
        (turn_id, purpose, tier, state, day, scopes, usd, tokens, created_at)
    VALUES (
        %(turn)s, %(purpose)s, %(tier)s, 'held', %(day)s, %(scopes)s::jsonb, %(usd)s, %(tokens)s,
        statement_timestamp())
    RETURNING id
)
SELECT held.id AS held, spends.id, scope, scope_key, reserved_usd, spent_usd, reserved_tokens,
    spent_tokens
FROM held CROSS JOIN spends ORDER BY scope, scope_key
"""
_READ = (
    "id", "scope", "scope_key", "reserved_usd", "spent_usd", "reserved_tokens", "spent_tokens",
)  # fmt: skip
LETTING_GO = """
WITH gone AS (DELETE FROM assistant_reservation WHERE id = %(pk)s RETURNING usd, tokens)
UPDATE assistant_spend AS spend
SET reserved_usd = spend.reserved_usd - gone.usd,
    reserved_tokens = spend.reserved_tokens - gone.tokens
FROM gone WHERE spend.id = ANY(%(spends)s)
"""


def _hold(purpose: Purpose, tier: Tier, amount: Amount, *, day: date) -> tuple[int, list[Spend]]:
    """Add ``amount`` to the rows of the scopes; return its reservation's key and the rows."""
    names, keys = zip(*purpose.scopes, strict=True)
    fields: dict[str, Any] = {
        "usd": amount.usd,
        "tokens": amount.tokens,
        "names": list(names),
        "keys": list(keys),
        "turn": purpose.turn_pk,
        "purpose": purpose.name,
        "tier": tier,
        "day": day,
        "scopes": json.dumps(purpose.scopes),
    }
    with connection.cursor() as cursor:
        cursor.execute(HOLDING, fields)
        rows = cursor.fetchall()
    spends = [Spend(day=day, **dict(zip(_READ, row[1:], strict=True))) for row in rows]
    return int(rows[0][0]), spends


def _let_go(held_pk: int, amount: Amount, *, spends: Sequence[Spend]) -> None:
    """Take back what was held a moment ago: it leaves a limit no room."""
    with connection.cursor() as cursor:
        cursor.execute(LETTING_GO, {"pk": held_pk, "spends": [spend.pk for spend in spends]})
    for spend in spends:
        spend.reserved_usd -= amount.usd
        spend.reserved_tokens -= amount.tokens


def _what_is_spent(
    spends: Iterable[Spend], limits: Mapping[str, BudgetLimit]
) -> BudgetLimit | None:
    """Return the first limit that is exceeded, None where none is."""
    for spend in spends:
        limit = limits.get(spend.scope)
        if limit is None:
            continue
        if limit.usd is not None and spend.spent_usd + spend.reserved_usd > limit.usd:
            return limit
        if limit.tokens is not None and spend.spent_tokens + spend.reserved_tokens > limit.tokens:
            return limit
    return None


def _raise_alarms(
    spends: Iterable[Spend],
    limits: Mapping[str, BudgetLimit],
    *,
    day: date,
    spent_out: BudgetLimit | None = None,
) -> None:
    """Tell of each share of a limit that is reached, once a day.

    One that left no room for a use is reached, whatever it still holds: it never fills up.
    """
    reached = [
        BudgetAlarm(limit=limit, scope_key=spend.scope_key, day=day, level=level)
        for spend in spends
        if (limit := limits.get(spend.scope)) is not None
        for level in LEVELS
        if limit == spent_out or _share_of(spend, limit) * 100 >= level
    ]
    if not reached:
        return
    known = set(
        BudgetAlarm.objects.filter(day=day, limit__in={one.limit for one in reached}).values_list(
            "limit_id", "scope_key", "level"
        )
    )
    # One that a manager deleted a moment ago is held for a moment more.
    kept = set(
        BudgetLimit.objects.filter(pk__in={one.limit_id for one in reached}).values_list(
            "pk", flat=True
        )
    )
    fresh = [
        one
        for one in reached
        if one.limit_id in kept and (one.limit_id, one.scope_key, one.level) not in known
    ]
    BudgetAlarm.objects.bulk_create(fresh, ignore_conflicts=True)
    for alarm in fresh:
        logger.warning("budget: %s %% of %s", alarm.level, alarm.limit)


def _share_of(spend: Spend, limit: BudgetLimit) -> float:
    """Return how much of a limit is reserved or spent; 1 is all of it."""
    usd = float(spend.spent_usd + spend.reserved_usd)
    tokens = spend.spent_tokens + spend.reserved_tokens
    shares = [
        0.0,
        *([usd / float(limit.usd) if limit.usd else 1.0] if limit.usd is not None else []),
        *([tokens / limit.tokens if limit.tokens else 1.0] if limit.tokens is not None else []),
    ]
    return max(shares)
