"""Find the turns of some days: the report of models and money read the whole table for them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("assistant", "0004_default_limits_and_rules")]

    operations = [
        migrations.AddIndex(
            model_name="turn",
            index=models.Index(fields=["created_at"], name="turn_created"),
        ),
    ]
