"""The output rules of a site: a manager's rows, and the shipped ones before there are any."""

from django.db.models import Q

from assistant.models import OutputRule as OutputRuleRow
from assistant.promises import DEFAULT_OUTPUT_RULES, OutputRule
from core.holding import held


@held
def output_rules_of(site_id: int) -> tuple[OutputRule, ...]:
    """Return what answers of a site must not promise; rows that are switched off count as none.

    With no row at all it is what was shipped: a policy is switched off, never lost.
    """
    rows = OutputRuleRow.objects.filter(Q(site_id=site_id) | Q(site=None))
    found = [(row.is_active, OutputRule(row.name, row.kind, tuple(row.phrases))) for row in rows]
    if not found:
        return DEFAULT_OUTPUT_RULES
    return tuple(rule for is_active, rule in found if is_active)
