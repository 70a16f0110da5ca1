from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ('escalation', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='handoff',
            name='reason',
            field=models.CharField(choices=[('low_confidence', 'Not sure of the answer'), ('asked_for_person', 'Asked for a person'), ('flagged', 'Flagged content'), ('negative_sentiment', 'Upset customer'), ('repeated_question', 'Asked again without success'), ('must_not_decide', 'A person must decide'), ('model_unavailable', 'Assistant unavailable'), ('tool_failed', 'Outcome of an action unknown'), ('transferred', 'Passed on by an agent')], max_length=20),
        ),
    ]
