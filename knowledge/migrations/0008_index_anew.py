"""Words without apostrophes and paragraphs that lead in a table are indexed otherwise by now."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('knowledge', '0007_search_indexes'),
    ]

    operations = [
        # The periodic task indexes what is behind its version; the old passages serve until then.
        migrations.RunSQL(
            'UPDATE knowledge_article SET indexed_version = 0',
            migrations.RunSQL.noop,
        ),
    ]
