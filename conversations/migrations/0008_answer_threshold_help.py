import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0007_network_of_a_conversation'),
    ]

    operations = [
        migrations.AlterField(
            model_name='site',
            name='answer_threshold',
            field=models.FloatField(blank=True, help_text='Confidence (0 to 1) from which on a question is answered; below it the assistant asks back, or passes it to a person. Empty: it follows from the share of wrong answers.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)]),
        ),
    ]
