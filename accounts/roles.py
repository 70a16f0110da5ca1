"""The four roles, as groups with permissions; each holds those of the ones before it."""

from django.contrib.auth.models import Group, Permission

AGENT = "agent"
SUPERVISOR = "supervisor"
MANAGER = "manager"
ADMINISTRATOR = "administrator"

OWN_PERMISSIONS: dict[str, tuple[str, ...]] = {
    AGENT: (
        "escalation.work_queue",
        "escalation.view_handoff",
        "conversations.view_conversation",
        "conversations.view_customer",
        "conversations.view_message",
        "knowledge.view_article",
    ),
    SUPERVISOR: ("escalation.change_agentprofile", "escalation.view_agentprofile"),
    MANAGER: (
        "reports.view_reports",
        "conversations.view_site",
        "conversations.change_site",
        "conversations.view_rating",
        "assistant.view_turn",
        "assistant.view_toolcall",
        "assistant.view_httptool",
        "assistant.view_calibration",
        "assistant.change_calibration",
        *(f"assistant.{verb}_learntfact" for verb in ("view", "delete")),
        *(f"assistant.{verb}_tierrule" for verb in ("view", "add", "change", "delete")),
        *(f"assistant.{verb}_budgetlimit" for verb in ("view", "add", "change", "delete")),
        "assistant.view_budgetalarm",
        *(f"assistant.{verb}_cachedanswer" for verb in ("view", "change")),
        *(f"llm.{verb}_modelprice" for verb in ("view", "add", "change", "delete")),
        *(f"llm.{verb}_modelcapability" for verb in ("view", "change")),
        "llm.view_keystate",
        *(f"knowledge.{verb}_article" for verb in ("add", "change", "delete")),
        *(f"knowledge.{verb}_source" for verb in ("view", "add", "change")),
        "knowledge.view_importrun",
        *(f"assistant.{verb}_outputrule" for verb in ("view", "add", "change", "delete")),
        *(f"escalation.{verb}_flagrule" for verb in ("view", "add", "change", "delete")),
    ),
    ADMINISTRATOR: (
        *(f"accounts.{verb}_user" for verb in ("view", "add", "change")),
        "auth.view_group",
        *(f"assistant.{verb}_httptool" for verb in ("add", "change", "delete")),
        "conversations.add_site",
    ),
}


def ensure_roles() -> None:
    """Create the groups and give each its permissions; run again it changes nothing.

    Permissions exist only after all migrations ran, so this hangs on ``post_migrate``.
    """
    # In one query: this runs after each app's migrations.
    known = {
        f"{one.content_type.app_label}.{one.codename}": one
        for one in Permission.objects.select_related("content_type")
    }
    held: list[Permission] = []
    for role, names in OWN_PERMISSIONS.items():
        held += [known[name] for name in names if name in known]
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set(held)
