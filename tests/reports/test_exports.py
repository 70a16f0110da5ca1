"""The CSV is what the report counts, opens as UTF-8, and starts no formula."""

import csv
from datetime import UTC, date, datetime
from io import StringIO

import pytest
from django.test import AsyncClient
from django.urls import reverse

from conversations.models import Rating, Site
from core.background import in_database_thread
from reports import exports
from reports.spans import last_days
from tests.conftest import make_user
from tests.reports.conftest import Maker


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("\uff1d1", "'\uff1d1"),
        ("1=1", "1=1"),
        ("", ""),
        (None, ""),
        (True, "yes"),
        (-3, "-3"),
        (0.25, "0.2500"),
        (["low_confidence", "flagged"], "low_confidence; flagged"),
        (date(2026, 1, 31), "2026-01-31"),
        (datetime(2026, 1, 31, 8, 5, 9, tzinfo=UTC), "2026-01-31 08:05:09"),
    ],
)
def test_cell_is_written_and_guarded(value: object, expected: str) -> None:
    assert exports.cell(value) == expected


async def download(name: str) -> tuple[str, list[dict[str, str]]]:
    """Return the file's name and rows as a spreadsheet reads them, as a manager."""
    client = AsyncClient()
    await client.aforce_login(await in_database_thread(make_user)("mira", role="manager"))
    response = await client.get(reverse(f"reports:{name}"))
    assert response.status_code == 200
    assert response.is_async
    text = b"".join([piece async for piece in response.streaming_content]).decode()
    assert text.startswith(exports.BYTE_ORDER_MARK)
    rows = list(csv.DictReader(StringIO(text.removeprefix(exports.BYTE_ORDER_MARK))))
    return response["Content-Disposition"], rows


@pytest.fixture
def five(transactional_db: None, site: Site) -> Maker:
    """Five episodes; the third is rated, handed off twice and reopened."""
    maker, span = Maker(site), last_days(14)
    for number in range(5):
        conversation = maker.conversation(episodes=2 if number == 2 else 1)
        episode = maker.episode(span.start, conversation=conversation, resolved_at=span.start)
        if number == 2:
            maker.hand_off(episode, reason="low_confidence")
            maker.hand_off(episode, reason="transferred")
            Rating.objects.create(episode=episode, score=2, comment="=cmd|' /C calc'!A0")
    return maker


async def test_episodes_are_exported_page_by_page(
    five: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PAGE", 2)
    disposition, rows = await download("csv")
    span = last_days(14)
    assert f'filename="episodes_{span.first}_{span.last}.csv"' in disposition
    assert list(rows[0]) == list(exports.EPISODE_COLUMNS)
    assert len({row["conversation"] for row in rows}) == len(rows) == 5
    rated = rows[2]
    assert (rated["score"], rated["comment"]) == ("2", "'=cmd|' /C calc'!A0")
    assert rated["hand_off_reasons"] == "low_confidence; transferred"
    assert (rated["reopened"], rows[0]["reopened"]) == ("yes", "no")
    assert rows[0]["score"] == ""


async def test_days_are_exported_all(five: Maker) -> None:
    _, rows = await download("daily_csv")
    assert [row["day"] for row in rows] == [day.isoformat() for day in last_days(14).days]
    assert [row["episodes"] for row in rows] == ["5"] + ["0"] * 13
    assert (rows[0]["average_score"], rows[1]["average_score"]) == ("2.0000", "")
