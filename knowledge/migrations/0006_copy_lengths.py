from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("knowledge", "0005_posting_lengths"),
    ]

    operations = [
        migrations.RunSQL(
            """
            UPDATE knowledge_posting o SET length = least(p.length, 32767)
            FROM knowledge_passage p WHERE p.id = o.passage_id
            """,
            migrations.RunSQL.noop,
        ),
    ]
