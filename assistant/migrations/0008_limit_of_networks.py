"""Leave most of a day's money to others than one visitor, who may begin as many chats as they like."""

from decimal import Decimal

from django.db import migrations


def load(apps, schema_editor):
    # No tokens: what has no price needs no guard of money, and an office may ask much.
    apps.get_model("assistant", "BudgetLimit").objects.create(scope="network", usd=Decimal(5))


class Migration(migrations.Migration):
    dependencies = [("assistant", "0007_spending_by_network")]

    operations = [migrations.RunPython(load, migrations.RunPython.noop)]
