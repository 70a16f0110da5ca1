"""What is known of models and keys: prices, capabilities, states. Never a key itself."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone


class ModelPrice(models.Model):
    """What a model costs, in US dollars for a million tokens; edited by managers."""

    model = models.CharField(max_length=100, unique=True)
    input_usd = models.DecimalField(
        "input", max_digits=12, decimal_places=6, validators=[MinValueValidator(Decimal(0))]
    )
    cached_input_usd = models.DecimalField(
        "cached input", max_digits=12, decimal_places=6, validators=[MinValueValidator(Decimal(0))]
    )
    output_usd = models.DecimalField(
        "output", max_digits=12, decimal_places=6, validators=[MinValueValidator(Decimal(0))]
    )
    as_of = models.DateField(help_text="The day of the price list.")

    class Meta:
        ordering = ["model"]

    def __str__(self) -> str:
        return self.model


class ModelCapability(models.Model):
    """What a model on a server can do, found out by asking it."""

    base_url = models.CharField(max_length=300)
    model = models.CharField(max_length=100)
    structured_output = models.BooleanField()
    tools = models.BooleanField()
    logprobs = models.BooleanField("log-probabilities")
    stream_options = models.BooleanField()
    identifiers = models.BooleanField(default=True)
    probed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "model capabilities"
        constraints = [
            models.UniqueConstraint(
                fields=["base_url", "model"], name="one_capability_per_server_and_model"
            ),
        ]

    def __str__(self) -> str:
        return self.model


class KeyState(models.Model):
    """How a key fared, under its fingerprint."""

    class State(models.TextChoices):
        """What the upstream said of it last."""

        USABLE = "usable", "Works"
        REJECTED = "rejected", "Refused"
        OUT_OF_QUOTA = "out_of_quota", "Out of quota"

    fingerprint = models.CharField(max_length=16, unique=True)
    state = models.CharField(max_length=15, choices=State.choices, default=State.USABLE)
    code = models.CharField(max_length=50, blank=True)
    since = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField("last answer", null=True, blank=True)
    aside_until = models.DateTimeField("resting until", null=True, blank=True)

    class Meta:
        ordering = ["fingerprint"]

    def __str__(self) -> str:
        return f"{self.fingerprint} ({self.get_state_display()})"
