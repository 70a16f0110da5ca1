from django.db import migrations

from escalation.defaults import DEFAULT_RULES, REPLY_ONLY_KINDS

ADDED = {'medical', 'legal_advice', 'card_data'}
# Phrases of the first release that people met in the middle of harmless sentences.
REPLACED = {
    'retard*': ['retard', 'retards', 'retarded'],
    'shut the': ['shut the hell', 'shut the fuck', 'shut the f'],
    'bomb*': ['bomb threat*', 'a bomb', 'bomb the', 'bomb your', 'bomb you'],
    'burn down': ['burn down your', 'burn it down', 'burn your'],
    'come to your store with': ['come to your store with a gun', 'come to your store with a knife'],
    'hurt myself': ['hurting myself', 'want to hurt myself', 'going to hurt myself', 'hurt myself on purpose'],
}


def add_rules(apps, schema_editor):
    """Add the new kinds where there are rules already, and all to an empty table."""
    FlagRule = apps.get_model('escalation', 'FlagRule')
    is_empty = not FlagRule.objects.filter(site=None).exists()
    FlagRule.objects.bulk_create(
        FlagRule(
            name=name,
            kind=kind,
            phrases=list(phrases),
            customer_text=text,
            action='reply_only' if kind in REPLY_ONLY_KINDS else 'hand_off',
        )
        for name, kind, phrases, text in DEFAULT_RULES
        if is_empty or kind in ADDED
    )


def narrow_phrases(apps, schema_editor):
    FlagRule = apps.get_model('escalation', 'FlagRule')
    for rule in FlagRule.objects.filter(site=None, kind__in=['self_harm', 'threat', 'abuse']):
        phrases = [new for old in rule.phrases for new in REPLACED.get(old, [old])]
        if phrases != rule.phrases:
            rule.phrases = phrases
            rule.save(update_fields=['phrases'])


class Migration(migrations.Migration):
    dependencies = [
        ('escalation', '0003_prohibited_categories'),
    ]

    operations = [
        migrations.RunPython(add_rules, migrations.RunPython.noop),
        migrations.RunPython(narrow_phrases, migrations.RunPython.noop),
    ]
