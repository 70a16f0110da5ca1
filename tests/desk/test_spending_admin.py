"""Tiers, limits, alarms and kept answers in the admin: who sees them, and what they may do."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from assistant.models import BudgetAlarm, BudgetLimit, CachedAnswer, Spend, TierRule
from conversations.models import Site
from tests.conftest import make_user
from tests.desk.conftest import browser_of
from tests.desk.test_site_admin import save

pytestmark = pytest.mark.django_db
PAGES = ["tierrule", "budgetlimit", "budgetalarm", "cachedanswer"]


@pytest.fixture
def office(site: Site) -> Client:
    return browser_of(make_user("mira", role="manager"))


def page(name: str) -> str:
    return f"/admin/assistant/{name}/"


@pytest.mark.parametrize("name", PAGES)
def test_manager_sees_what_an_agent_does_not(office: Client, agent: User, name: str) -> None:
    assert office.get(page(name)).status_code == 200
    assert browser_of(agent).get(page(name)).status_code == 403


def test_rules_are_told_in_words(office: Client) -> None:
    TierRule.objects.create(min_words=60, needs_tools=False, plan="Gold", tier="small")
    shown = office.get(page("tierrule")).content.decode()
    assert "60 words or more, without tools, plan Gold" in shown


def test_limit_says_what_is_spent_today(office: Client) -> None:
    Spend.objects.create(
        scope="total", scope_key="all", day=timezone.now().date(),
        spent_usd=Decimal("1.5"), reserved_usd=Decimal("0.25"), spent_tokens=12345,
    )  # fmt: skip
    assert "$1.75, 12,345 tokens" in office.get(page("budgetlimit")).content.decode()


def test_alarm_is_a_record(office: Client) -> None:
    total = BudgetLimit.objects.get(scope="total")
    alarm = BudgetAlarm.objects.create(
        limit=total, scope_key="all", day=timezone.now().date(), level=80
    )
    link = f"{page('budgetalarm')}{alarm.pk}/delete/"
    assert office.post(link, {"post": "yes"}).status_code == 403
    assert office.get(f"{page('budgetalarm')}add/").status_code == 403
    assert BudgetAlarm.objects.exists()


def test_kept_answer_is_disabled_and_never_rewritten(office: Client, site: Site) -> None:
    kept = CachedAnswer.objects.create(
        site=site, key="k", question="Where?", locale="en", text="<b>Here</b>", confidence=0.9,
        knowledge_version=1, prompt_version="answer/1",
    )  # fmt: skip
    office.post(f"{page('cachedanswer')}{kept.pk}/change/", {"text": "No"})
    office.post(page("cachedanswer"), {"action": "disable", "_selected_action": [kept.pk]})
    kept.refresh_from_db()
    assert (kept.text, kept.is_disabled) == ("<b>Here</b>", True)


def test_patterns_and_tier_of_a_site_are_kept(office: Client, site: Site) -> None:
    assert not save(
        office, site, redaction_patterns="\\d+ \\w+ street\n\\bPO box \\d+", pinned_tier="small"
    )
    assert site.redaction_patterns == ["\\d+ \\w+ street", "\\bPO box \\d+"]
    assert site.pinned_tier == "small"


@pytest.mark.parametrize(
    ("pattern", "said"), [("(", "is no regular expression"), ("(a|a)+$", "takes too long")]
)
def test_pattern_that_can_not_work_is_refused(
    office: Client, site: Site, pattern: str, said: str
) -> None:
    assert said in save(office, site, redaction_patterns=pattern)
    assert site.redaction_patterns == []


def alarm(*, level: int, scope: str = "total", days_ago: int = 0) -> None:
    day = timezone.now().date() - timedelta(days=days_ago)
    limit = BudgetLimit.objects.get(scope=scope)
    BudgetAlarm.objects.create(limit=limit, scope_key="all", day=day, level=level)


def test_manager_is_told_on_every_page_that_the_budget_runs_out(
    office: Client, agent: User
) -> None:
    alarm(level=50)
    assert "model budget" not in office.get("/admin/").content.decode()
    alarm(level=80)
    assert "80 % of today" in office.get("/admin/").content.decode()
    alarm(level=100)
    shown = office.get(page("tierrule")).content.decode()
    assert shown.count("desk-notice") == 1
    assert "the articles alone answer" in shown
    assert "model budget" not in browser_of(agent).get("/admin/").content.decode()


def test_manager_is_not_told_of_other_days_or_of_one_customer(office: Client) -> None:
    alarm(level=100, days_ago=1)
    alarm(level=100, scope="customer")
    assert "desk-notice" not in office.get("/admin/").content.decode()
