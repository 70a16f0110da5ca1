"""Load the shipped prices; those that a manager has set already stay."""

import json
from pathlib import Path

from django.db import migrations

PRICES = Path(__file__).parent.parent / "prices.json"


def load(apps, schema_editor):
    model_price = apps.get_model("llm", "ModelPrice")
    file = json.loads(PRICES.read_text(encoding="utf-8"))
    rows = [
        model_price(
            model=name,
            input_usd=one["input"],
            cached_input_usd=one["cached_input"],
            output_usd=one["output"],
            as_of=file["as_of"],
        )
        for name, one in file["prices"].items()
    ]
    model_price.objects.bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [("llm", "0001_prices_capabilities_keys")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
