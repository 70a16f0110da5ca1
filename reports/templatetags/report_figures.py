"""How the reports' page writes its figures; what is not known is a dash."""

from datetime import timedelta
from decimal import Decimal

from django import template

register = template.Library()
UNKNOWN = "\u2013"
NO_BREAK = "\N{NO-BREAK SPACE}"


@register.filter
def score(value: float | None) -> str:
    """Write an average score."""
    return UNKNOWN if value is None else f"{value:.1f}"


@register.filter
def percent(value: float | None) -> str:
    """Write a share from 0 to 1."""
    return UNKNOWN if value is None else f"{value:.0%}"


@register.filter
def duration(value: timedelta | None) -> str:
    """Write a duration by its two largest units, each beside its number in any column's width."""
    if value is None:
        return UNKNOWN
    return " ".join(f"{number}{NO_BREAK}{unit}" for number, unit in _units(value.total_seconds()))


def _units(seconds: float) -> list[tuple[object, str]]:
    if seconds < 10:
        return [(f"{seconds:.1f}", "s")]
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return [(rest, "s")]
    hours, minutes = divmod(minutes, 60)
    if hours:
        return [(hours, "h"), (minutes, "min")]
    return [(minutes, "min"), (rest, "s")] if rest else [(minutes, "min")]


@register.filter
def bar_width(value: float) -> str:
    """Write a share from 0 to 1 as the width of a bar of 100 units."""
    return f"{value * 100:.1f}"


@register.filter
def money(value: Decimal | None) -> str:
    """Write US dollars: cents, and below one dollar four places."""
    if value is None:
        return UNKNOWN
    if 0 < value < Decimal("0.0001"):
        return "< $0.0001"
    return f"${value:,.2f}" if value >= 1 or not value else f"${value:.4f}"


@register.filter
def milliseconds(value: float | None) -> str:
    """Write milliseconds as such, and from a second on as seconds."""
    if value is None:
        return UNKNOWN
    return f"{value:.0f} ms" if value < 1_000 else f"{value / 1_000:.1f} s"


@register.filter
def count(value: int) -> str:
    """Write a large whole number in groups of three."""
    return f"{value:,}"
