"""The days and the website that a report covers, as the reader chose them; days are local."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.utils import timezone

from conversations.models import Site

PRESETS = (7, 14, 30)
DEFAULT_DAYS = 14
MAX_DAYS = 366
FIRST_DAY = date(2000, 1, 1)
DAY = timedelta(days=1)
INCLUDE, EXCLUDE = "include", "exclude"


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days, the first and the last of them included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The first moment."""
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after."""
        return _midnight(self.last + DAY)

    @property
    def length(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    @property
    def days(self) -> list[date]:
        """Each day in order."""
        return [self.first + DAY * number for number in range(self.length)]

    @property
    def before(self) -> "Span":
        """As many days, just before."""
        return Span(self.first - DAY * self.length, self.first - DAY)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader asked for; with a ``problem`` the span is the usual one instead.

    ``site`` is ``None`` for all websites.
    """

    span: Span
    include_sample: bool
    problem: str = ""
    site: Site | None = None

    @property
    def query(self) -> str:
        """The choice as a query string, for links."""
        return query_of(self.span, include_sample=self.include_sample, site=self.site)


def query_of(span: Span, *, include_sample: bool, site: Site | None = None) -> str:
    """Return the query string that ``read_choice`` reads back."""
    sample = INCLUDE if include_sample else EXCLUDE
    days = {"from": span.first.isoformat(), "to": span.last.isoformat()}
    return urlencode({**days, "sample": sample} | ({"site": site.key} if site else {}))


def read_choice(query: Mapping[str, str]) -> Choice:
    """Read ``from``, ``to``, ``sample`` and ``site``; what can't be is told in ``problem``."""
    wanted = query.get("sample", "")
    include_sample = wanted == INCLUDE or (wanted != EXCLUDE and settings.DEMO)
    try:
        span = _read_span(query.get("from", "").strip(), query.get("to", "").strip())
        site = _read_site(query.get("site", ""))
    except ValueError as error:
        return Choice(last_days(DEFAULT_DAYS), include_sample, str(error))
    return Choice(span, include_sample, site=site)


def _read_site(key: str) -> Site | None:
    """Return the website with a key, ``None`` for none; raises ValueError as above."""
    if not key:
        return None
    # Compared here: not every string that a query can hold is text to the database.
    found = next((site for site in Site.objects.all() if site.key == key), None)
    if found is None:
        raise ValueError("There is no such website.")
    return found


def last_days(number: int) -> Span:
    """Return the span of ``number`` days that ends today."""
    today = timezone.localdate()
    return Span(today - DAY * (number - 1), today)


def _read_span(first: str, last: str) -> Span:
    """Return the span between two ISO dates; raises ValueError with a text for the reader."""
    usual = last_days(DEFAULT_DAYS)
    if not first and not last:
        return usual
    end = _read_day(last, name="To") if last else usual.last
    begin = (
        _read_day(first, name="From") if first else max(end - DAY * (DEFAULT_DAYS - 1), FIRST_DAY)
    )
    if begin > end:
        raise ValueError(f"The first day ({begin}) comes after the last ({end}).")
    if end > usual.last:
        raise ValueError(f"The last day ({end}) lies in the future.")
    span = Span(begin, end)
    if span.length > MAX_DAYS:
        raise ValueError(f"That is {span.length} days; a report covers {MAX_DAYS} at most.")
    return span


def _read_day(text: str, *, name: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"“{name}” is not a date: write it as 2026-01-31.") from None
    if day < FIRST_DAY:
        raise ValueError(f"“{name}” lies before {FIRST_DAY}, the first day of any report.")
    return day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_current_timezone())
