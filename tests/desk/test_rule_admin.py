"""Managers edit policy; agents don't, and a rule for every text is refused."""

import importlib

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import reverse

from assistant.models import OutputRule
from assistant.output_rules import output_rules_of
from assistant.promises import DEFAULT_OUTPUT_RULES
from conversations.models import Site
from escalation.models import FlagRule
from tests.conftest import make_user
from tests.desk.conftest import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(site: Site) -> Client:
    return browser_of(make_user("mira", role="manager"))


def test_shipped_output_rules_are_rows_of_a_new_installation(site: Site) -> None:
    migration = importlib.import_module("assistant.migrations.0006_output_rules")
    OutputRule.objects.all().delete()
    with connection.schema_editor() as editor:
        migration.add_rules(apps, editor)
        migration.add_rules(apps, editor)
    assert OutputRule.objects.count() == len(DEFAULT_OUTPUT_RULES)
    assert sorted(output_rules_of(site.pk), key=str) == sorted(DEFAULT_OUTPUT_RULES, key=str)


def test_manager_writes_an_output_rule(office: Client, site: Site) -> None:
    add = reverse("admin:assistant_outputrule_add")
    assert "the conversation goes to people" in office.get(add).content.decode()
    fields = {"site": site.pk, "name": "Warranty", "kind": "other", "is_active": "on"}
    answer = office.post(add, {**fields, "phrases": "lifetime warranty\n\nfor ever*"})
    assert answer.status_code == 302
    rule = OutputRule.objects.get(name="Warranty")
    assert rule.phrases == ["lifetime warranty", "for ever*"]
    assert rule.name in [one.name for one in output_rules_of(site.pk)]


@pytest.mark.parametrize("name", ["assistant_outputrule", "escalation_flagrule"])
def test_rule_that_would_mean_every_text_is_refused(office: Client, name: str) -> None:
    count = OutputRule.objects.count() + FlagRule.objects.count()
    fields = {"name": "x", "kind": "other", "action": "hand_off", "is_active": "on"}
    answer = office.post(reverse(f"admin:{name}_add"), {**fields, "phrases": "refund*\n*"})
    assert answer.status_code == 200
    assert "&quot;*&quot; has no word in it" in answer.content.decode()
    assert OutputRule.objects.count() + FlagRule.objects.count() == count


def test_agent_sees_no_output_rules(site: Site) -> None:
    desk = browser_of(make_user("ada", role="agent"))
    assert desk.get(reverse("admin:assistant_outputrule_changelist")).status_code == 403
