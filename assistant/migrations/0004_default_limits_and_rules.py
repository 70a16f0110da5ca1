"""Give a fresh installation its table of tiers and its daily limits; both are a manager's then."""

from decimal import Decimal

from django.db import migrations

RULES = (
    (10, {"task": "answer", "min_parts": 2, "tier": "strong", "note": "several questions at once"}),
    (20, {"task": "answer", "min_words": 60, "tier": "strong", "note": "a long question"}),
    (
        30,
        {
            "task": "answer",
            "max_confidence": 0.85,
            "tier": "strong",
            "note": "the articles are not quite clear",
        },
    ),
    (40, {"task": "answer", "tier": "standard", "note": "a plain question"}),
    (50, {"tier": "small", "note": "a short task"}),
)
LIMITS = (
    ("total", Decimal(20), 20_000_000),
    ("customer", Decimal(1), 1_000_000),
    ("conversation", Decimal("0.5"), 500_000),
)


def load(apps, schema_editor):
    tier_rule = apps.get_model("assistant", "TierRule")
    for position, fields in RULES:
        tier_rule.objects.create(position=position, **fields)
    limit = apps.get_model("assistant", "BudgetLimit")
    for scope, usd, tokens in LIMITS:
        limit.objects.create(scope=scope, usd=usd, tokens=tokens)


class Migration(migrations.Migration):
    dependencies = [("assistant", "0003_records_of_the_assistant")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
