"""What the models may cost: limits, what is reserved and spent, and the alarms."""

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from assistant.models.tiers import Tier
from conversations.models import Site


class Scope(models.TextChoices):
    """Whose spending a limit bounds, each a day."""

    CONVERSATION = "conversation", "Each conversation"
    CUSTOMER = "customer", "Each customer"
    NETWORK = "network", "Each network of visitors not signed in"
    SITE = "site", "The site"
    TOTAL = "total", "Everything"


class BudgetLimit(models.Model):
    """At most so much a day; an empty limit is none."""

    site = models.ForeignKey(
        Site, models.CASCADE, null=True, blank=True, help_text="Empty: all sites."
    )
    scope = models.CharField(max_length=12, choices=Scope.choices)
    usd = models.DecimalField(
        max_digits=12,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="US dollars a day.",
    )
    tokens = models.PositiveBigIntegerField(null=True, blank=True, help_text="Tokens a day.")
    is_active = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["site", "scope"],
                nulls_distinct=False,
                name="one_budget_limit_per_site_and_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} of {self.site or 'all sites'}"


class Spend(models.Model):
    """What one scope reserved and spent on one day (UTC): the row that reservations lock."""

    scope = models.CharField(max_length=12, choices=Scope.choices)
    scope_key = models.CharField(max_length=40, help_text="The id of what the scope means.")
    day = models.DateField()
    reserved_usd = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    spent_usd = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    reserved_tokens = models.BigIntegerField(default=0)
    spent_tokens = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "scope_key", "day"], name="one_spend_per_scope_and_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} {self.scope_key} {self.day}"


class Reservation(models.Model):
    """What one use of a model may cost, set apart before the call and settled after it."""

    class State(models.TextChoices):
        """Held until settled by the real cost, or at its full amount where nobody came back."""

        HELD = "held"
        SETTLED = "settled"
        LOST = "lost"

    turn = models.ForeignKey(
        "assistant.Turn", models.CASCADE, null=True, blank=True, related_name="reservations"
    )
    purpose = models.CharField(max_length=20)
    tier = models.CharField(max_length=10, choices=Tier.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.HELD)
    day = models.DateField()
    scopes = models.JSONField(help_text="Pairs of scope and key whose rows hold it.")
    usd = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    tokens = models.PositiveIntegerField(default=0)
    settled_usd = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    settled_tokens = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            # The relay's look for what a dead worker left.
            models.Index(
                fields=["created_at"],
                name="reservation_held",
                condition=models.Q(state="held"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.state}"


class BudgetAlarm(models.Model):
    """A share of a limit that was reached on a day; told once."""

    limit = models.ForeignKey(BudgetLimit, models.CASCADE, related_name="alarms")
    scope_key = models.CharField(max_length=40)
    day = models.DateField()
    level = models.PositiveSmallIntegerField(help_text="Per cent of the limit: 50, 80 or 100.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["limit", "scope_key", "day", "level"],
                name="one_alarm_per_limit_day_and_level",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.level} % of {self.limit}"
