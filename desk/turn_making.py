"""How a turn was made, as its row and the cache know it: tier, model, tokens, money, time."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from assistant.cache import ENGINE as CACHE
from assistant.models import CachedAnswer, Turn
from core.moments import write_moment

COST = "Cost"


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure with its name; ``note`` says what it is of, ``url`` leads to it."""

    label: str
    value: str
    note: str = ""
    url: str = ""


def is_given_again(turn: Turn) -> bool:
    """Whether its words were an earlier answer's, also where that is forgotten since."""
    return turn.engine == CACHE or turn.cached_answer_id is not None


def making_facts(turn: Turn, *, since: str) -> list[Fact]:
    """Return what is known of the turn's making; ``since`` is when a kept answer was kept."""
    tokens = f"{turn.prompt_tokens:,} in, {turn.completion_tokens:,} out"
    cached = f"{turn.cached_tokens:,} of them from the provider's cache"
    facts = [
        Fact("Tier", _tier(turn), turn.tier_reason),
        # What was withdrawn has no engine, and a model all the same.
        Fact("Engine", turn.engine, turn.model) if turn.engine else Fact("Model", turn.model),
        Fact("Prompt", turn.prompt_version),
        Fact("Tokens", tokens if turn.prompt_tokens else "", cached if turn.cached_tokens else ""),
        _cost(turn),
        _given_again(turn, since) if is_given_again(turn) else _kept(turn),
        Fact("Attempts", str(turn.attempt)),
        Fact("Waited", _seconds(turn.created_at, turn.claimed_at), "until a worker took it up"),
        Fact("Worked on", _seconds(turn.claimed_at, turn.finished_at)),
        Fact("Error", turn.error_code),
    ]
    return [fact for fact in facts if fact.value]


def _tier(turn: Turn) -> str:
    # Without a tier a reason says why none was asked: nothing was left of a budget.
    return turn.get_tier_display() or ("None" if turn.tier_reason else "")


def _cost(turn: Turn) -> Fact:
    booked = _booked(turn)
    if turn.cost is not None:
        before = booked.get("rewrite", Decimal(0))
        note = f"${before:.6f} of it to put the follow-up in full" if before else ""
        return Fact(COST, f"${turn.cost + before:.6f}", note)
    if turn.prompt_tokens or turn.completion_tokens:
        return Fact(COST, "Not known", "the model has no price")
    if booked:
        # It failed, or ended before an answer was written.
        return Fact(COST, f"${sum(booked.values()):.6f}", f"booked for: {', '.join(booked)}")
    if not is_given_again(turn):
        return Fact(COST, "")
    kept = _repeated(turn)
    then = kept.cost if kept else None
    return Fact(COST, "Nothing", "" if then is None else f"${then:.6f} when it was written")


def _booked(turn: Turn) -> dict[str, Decimal]:
    """Return what uses of models were booked for the turn, by their purposes."""
    rows = turn.reservations.filter(settled_usd__gt=0).order_by("purpose").values_list("purpose")
    return dict(rows.annotate(usd=Sum("settled_usd")))


def _repeated(turn: Turn) -> CachedAnswer | None:
    """Return the answer that was given again, unless its row holds a newer one since."""
    kept = turn.cached_answer
    return None if kept is None or kept.created_at > turn.created_at else kept


def _given_again(turn: Turn, since: str) -> Fact:
    """Return which answer this one repeats; its row may be forgotten, or hold a newer one."""
    label, kept, then = "Given again", _repeated(turn), parse_datetime(since)
    if kept is None:
        note = f"it was kept on {write_moment(then)}" if then else ""
        return Fact(label, "From an answer that is not kept any more", note)
    note = f"kept on {write_moment(kept.created_at)}"
    first = Turn.objects.filter(message=kept.source_message_id).first()
    if kept.source_message_id is None or first is None:
        return Fact(label, "From an earlier answer", note)
    url = reverse("admin:assistant_turn_change", args=[first.pk])
    return Fact(label, f"From turn {first.pk}", note, url)


def _kept(turn: Turn) -> Fact:
    """Return how often this answer was given again, if it is kept."""
    kept = CachedAnswer.objects.filter(source_message=turn.message_id).first()
    if turn.message_id is None or kept is None:
        return Fact("Kept", "")
    times = kept.served_turns.count()
    state = (
        "not given again any more: it did not help" if kept.is_disabled else "for who asks alike"
    )
    return Fact("Kept", f"Given again {times} time{'' if times == 1 else 's'}", state)


def _seconds(start: datetime | None, end: datetime | None) -> str:
    return f"{(end - start).total_seconds():.2f} s" if start and end else ""
