"""The calibrations' pages: what they show, who may click, and what a click changes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import User
from assistant.calibration import active_calibration
from assistant.models import Calibration
from assistant.refitting import propose_calibration
from conversations.models import Site
from desk.calibration_charts import draw_risk
from tests.assistant.calibrating import answer, answer_many, forget_shipped, ship
from tests.conftest import make_user
from tests.desk.conftest import browser_of

pytestmark = pytest.mark.django_db
LIST = "admin:assistant_calibration_changelist"
REFIT = {"target": "20", "out_of_scope": "15"}


@pytest.fixture(autouse=True)
def _shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ship(tmp_path, monkeypatch)
    yield
    forget_shipped()


@pytest.fixture
def manager(site: Site) -> User:
    return make_user("mira", role="manager")


@pytest.fixture
def office(manager: User) -> Client:
    return browser_of(manager)


def proposal_of(site: Site) -> Calibration:
    answer_many(site)
    return propose_calibration(site, target=0.2)


def address(name: str, pk: int) -> str:
    return reverse(f"admin:assistant_calibration_{name}", args=[pk])


def test_list_says_what_is_missing_when_verdicts_are_few(office: Client, site: Site) -> None:
    answer(site, helpful=True)
    page = office.get(reverse(LIST)).content.decode()
    assert "There are 1 verdicts" in page
    assert "Refit on the newest verdicts" not in page


def test_list_counts_confirmed_and_assumed_apart_when_there_are_both(
    office: Client, site: Site
) -> None:
    answer_many(site, count=60)
    response = office.get(reverse(LIST))
    assert (response.context["confirmed_count"], response.context["assumed_count"]) == (60, 0)
    assert "Refit on the newest verdicts" in response.content.decode()


def test_list_shows_the_chosen_site_when_there_are_several(office: Client, site: Site) -> None:
    other = Site.objects.create(key="other", name="Other Shop")
    calibration = proposal_of(other)
    link = address("change", calibration.pk)
    assert link in office.get(reverse(LIST), {"site": "other"}).content.decode()
    assert link not in office.get(reverse(LIST), {"site": "shop"}).content.decode()


def test_refit_makes_a_proposal_and_changes_nothing(office: Client, site: Site) -> None:
    answer_many(site)
    response = office.post(address("refit", site.pk), REFIT)
    proposal = Calibration.objects.get()
    assert response.url == address("change", proposal.pk)
    assert proposal.state == Calibration.State.PROPOSED
    assert proposal.curves["target"] == pytest.approx(0.2)
    assert active_calibration(site.pk) is None
    page = office.get(response.url).content.decode()
    assert "A proposal: nothing has changed" in page
    assert active_calibration(site.pk) is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (REFIT, "There are 0 verdicts"),
        ({"target": "x", "out_of_scope": "15"}, "Wrong answers allowed, in percent: Enter"),
        ({"target": "5", "out_of_scope": "99"}, "Questions without an article, in percent: Ensure"),
    ],
)
def test_refit_says_why_when_it_is_refused(
    office: Client, site: Site, values: dict[str, str], message: str
) -> None:
    page = office.post(address("refit", site.pk), values, follow=True).content.decode()
    assert message in page
    assert not Calibration.objects.exists()


def test_click_puts_a_proposal_to_use_and_notes_who(
    office: Client, site: Site, manager: User
) -> None:
    proposal = proposal_of(site)
    page = office.post(address("use", proposal.pk), follow=True).content.decode()
    assert "uses this calibration from now on" in page
    used = active_calibration(site.pk)
    assert used == proposal
    assert used.activated_by == manager
    assert LogEntry.objects.filter(user=manager, object_id=str(proposal.pk)).exists()


def test_click_goes_back_to_the_shipped_weights(office: Client, site: Site) -> None:
    proposal = proposal_of(site)
    office.post(address("use", proposal.pk))
    page = office.post(address("shipped", site.pk), follow=True).content.decode()
    assert "uses the shipped weights from now on" in page
    assert active_calibration(site.pk) is None
    proposal.refresh_from_db()
    assert proposal.state == Calibration.State.RETIRED


def test_page_says_so_when_a_fixed_threshold_goes_first(office: Client, site: Site) -> None:
    proposal = proposal_of(site)
    assert "fixed threshold" not in office.get(address("change", proposal.pk)).content.decode()
    site.answer_threshold = 0.35
    site.save()
    assert "fixed threshold of 0.35" in office.get(address("change", proposal.pk)).content.decode()


def test_page_draws_both_curves_with_words_for_them(office: Client, site: Site) -> None:
    proposal = proposal_of(site)
    page = office.get(address("change", proposal.pk)).content.decode()
    assert page.count('<polyline class="chart-before"') == 2
    assert page.count('<polyline class="chart-after"') == 2
    after = proposal.curves["after"]
    assert f"{after['coverage']:.0%} are answered" in page
    assert len(set(re.findall(r'id="risk-(?:title|desc)-(?:wide|narrow)"', page))) == 4
    assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("name", ["refit", "use", "shipped"])
def test_clicks_need_a_post_and_the_permission(
    office: Client, desk: Client, site: Site, name: str
) -> None:
    proposal = proposal_of(site)
    where = address(name, proposal.pk if name == "use" else site.pk)
    assert office.get(where).status_code == 405
    assert desk.post(where, REFIT).status_code == 403
    assert Client().post(where, REFIT).status_code == 302
    assert active_calibration(site.pk) is None
    assert Calibration.objects.count() == 1


def test_clicks_need_the_form_token(manager: User, site: Site) -> None:
    proposal = proposal_of(site)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(manager, backend="django.contrib.auth.backends.ModelBackend")
    assert strict.post(address("use", proposal.pk)).status_code == 403
    assert active_calibration(site.pk) is None


def test_agents_see_no_calibration(desk: Client, site: Site) -> None:
    proposal = proposal_of(site)
    assert desk.get(reverse(LIST)).status_code == 403
    assert desk.get(address("change", proposal.pk)).status_code == 403


def test_nobody_edits_or_deletes_a_calibration(office: Client, site: Site) -> None:
    proposal = proposal_of(site)
    assert office.post(address("change", proposal.pk), {"state": "active"}).status_code == 405
    assert office.post(address("delete", proposal.pk), {"post": "yes"}).status_code == 403
    assert active_calibration(site.pk) is None


def test_unknown_ones_are_not_found(office: Client, site: Site) -> None:
    assert office.post(address("use", 0)).status_code == 404
    assert office.post(address("refit", 0), REFIT).status_code == 404
    assert office.get(address("change", 0)).status_code == 404


def test_chart_puts_shares_and_risks_at_their_places() -> None:
    side = {
        "threshold": 0.5,
        "coverage": 1.0,
        "risk": 0.1,
        "points": [[0.9, 0.0, 0.0], [0.5, 1.0, 0.1]],
    }
    chart = draw_risk({"target": 0.05, "before": side, "after": side}, name="wide", width=400)
    foot, top = 300 - 44, 14
    assert chart.curves[0].points == f"48.0,{foot}.0 384.0,{top}.0"
    assert (chart.curves[0].dot_x, chart.curves[0].dot_y) == ("384.0", f"{top}.0")
    assert [label.text for label in chart.risks] == ["0%", "2%", "4%", "6%", "8%", "10%"]
    assert float(chart.target_y) == pytest.approx((foot + top) / 2)
