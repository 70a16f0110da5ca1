from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0003_first_versions"),
    ]

    operations = [
        migrations.AddField(
            model_name="article",
            name="gone_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="Since when its source has it no more; it comes back with its page.",
                null=True,
            ),
        ),
    ]
