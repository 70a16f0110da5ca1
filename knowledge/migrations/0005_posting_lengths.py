from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0004_article_gone_at"),
    ]

    operations = [
        migrations.AddField(
            model_name="posting",
            name="length",
            field=models.PositiveSmallIntegerField(
                default=0, help_text="The passage's, to score without it."
            ),
            preserve_default=False,
        ),
    ]
