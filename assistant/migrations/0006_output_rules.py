"""The shipped rules of what answers must not promise, as rows that managers can edit."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from assistant.promises import DEFAULT_OUTPUT_RULES


def add_rules(apps: StateApps, _: BaseDatabaseSchemaEditor) -> None:
    rule_model = apps.get_model("assistant", "OutputRule")
    if rule_model.objects.filter(site=None).exists():
        return
    rule_model.objects.bulk_create(
        rule_model(name=rule.name, kind=rule.kind, phrases=list(rule.phrases))
        for rule in DEFAULT_OUTPUT_RULES
    )


class Migration(migrations.Migration):
    dependencies = [("assistant", "0005_turn_created_index")]

    operations = [migrations.RunPython(add_rules, migrations.RunPython.noop)]
