"""Who sees the report's page, and what it shows."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from conversations.models import Rating, Site
from reports.spans import Span
from tests.conftest import make_user
from tests.reports.conftest import Maker

ADDRESSES = ("/admin/reports/", "/admin/reports/episodes.csv", "/admin/reports/days.csv")


def page(client: Client, **query: str) -> str:
    """The page's HTML."""
    response = client.get(reverse("reports:index"), query)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("address", ADDRESSES)
def test_stranger_must_log_in(site: Site, client: Client, address: str) -> None:
    response = client.get(f"{address}?to=2026-01-01")
    assert response.status_code == 302
    assert response["Location"] == f"/admin/login/?next={address}%3Fto%3D2026-01-01"


@pytest.mark.parametrize("address", ADDRESSES)
def test_agent_is_refused(agent: User, client: Client, address: str) -> None:
    client.force_login(agent)
    assert client.get(address).status_code == 403


@pytest.mark.parametrize("address", ADDRESSES)
def test_manager_is_refused_when_no_longer_staff(site: Site, client: Client, address: str) -> None:
    manager = make_user("mira", role="manager")
    manager.is_staff = False
    manager.save()
    client.force_login(manager)
    assert client.get(address).status_code == 403


@pytest.mark.parametrize("address", ADDRESSES)
def test_report_is_only_read(manager_client: Client, address: str) -> None:
    assert manager_client.post(address).status_code == 405


def test_page_shows_the_figures_and_never_markup(
    manager_client: Client, maker: Maker, span: Span
) -> None:
    episode = maker.episode(
        span.start, resolved_at=span.start, rating_requested_at=span.start, handled_by="assistant"
    )
    Rating.objects.create(episode=episode, score=4, comment="<script>alert(1)</script>")
    html = page(manager_client)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert f"/admin/escalation/handoff/conversation/{episode.conversation.public_id}/" in html
    assert "1 of 1 asked" in html
    assert '<desc id="csat-desc-wide">' in html
    assert " style=" not in html


def test_days_and_times_are_written_as_in_the_desk(
    manager_client: Client, maker: Maker, span: Span
) -> None:
    episode = maker.episode(span.start, resolved_at=span.start, rating_requested_at=span.start)
    at = datetime(2026, 9, 3, 14, 5, tzinfo=UTC)
    Rating.objects.create(episode=episode, score=4, comment="Fine.", created_at=at)
    html = page(manager_client, **{"from": "2026-09-01", "to": "2026-09-30"})
    assert "1 Sep 2026 \N{EN DASH} 30 Sep 2026" in html
    assert "3 Sep 2026, 14:05" in page(manager_client)


def test_page_says_so_when_nothing_was_asked(manager_client: Client) -> None:
    html = page(manager_client, **{"from": "2020-01-01", "to": "2020-01-03"})
    assert "Nobody asked anything on these days." in html
    assert '<svg class="report-chart' not in html


def test_page_tells_the_problem_when_days_are_reversed(manager_client: Client) -> None:
    html = page(manager_client, **{"from": "2020-01-03", "to": "2020-01-01"})
    assert "comes after the last (2020-01-01)" in html
    assert 'value="2020-01-03"' in html


def test_page_escapes_what_was_typed_as_a_day(manager_client: Client) -> None:
    html = page(manager_client, **{"from": '"><script>alert(1)</script>'})
    assert "<script>alert" not in html


def test_sample_data_is_marked_and_can_be_left_out(
    manager_client: Client, maker: Maker, span: Span
) -> None:
    sample = maker.conversation(is_sample=True)
    maker.episode(span.start, conversation=sample, resolved_at=span.start)
    maker.episode(span.start)
    included, excluded = page(manager_client, sample="include"), page(manager_client)
    assert "1 of these episodes are made up" in " ".join(included.split())
    assert "1 made-up episodes of these days are left out" in " ".join(excluded.split())
    assert "1 ended" in included
    assert "0 ended" in excluded


def test_sample_is_not_mentioned_when_there_is_none(manager_client: Client, maker: Maker) -> None:
    assert "sample data" not in page(manager_client).lower()


@pytest.mark.parametrize("address", ADDRESSES[1:])
def test_export_refuses_wrong_days(manager_client: Client, address: str) -> None:
    response = manager_client.get(address, {"from": "2020-01-03", "to": "2020-01-01"})
    assert response.status_code == 400
    assert "comes after" in response.content.decode()


@pytest.mark.parametrize(("ended", "shown"), [(9, "too few"), (10, "0%")])
def test_automation_rate_of_few_episodes_is_not_told(
    manager_client: Client, maker: Maker, span: Span, ended: int, shown: str
) -> None:
    for _ in range(ended):
        maker.episode(span.start, resolved_at=span.start, handled_by="person")
    figure = page(manager_client).split("Automation rate</dt>")[1].split("</dd>")[0]
    assert shown in figure
