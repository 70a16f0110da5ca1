"""What the assistant remembers when the words themselves no longer fit."""

from django.db import models
from django.utils import timezone

from conversations.models import Conversation, Customer, Message


class ConversationSummary(models.Model):
    """What was said in an episode up to ``through_seq``; the newest version is used."""

    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="summaries")
    episode = models.PositiveIntegerField()
    version = models.PositiveIntegerField()
    through_seq = models.PositiveIntegerField()
    text = models.TextField()
    model = models.CharField(max_length=100, blank=True)
    prompt_version = models.CharField(max_length=50, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "episode", "version"],
                name="one_summary_per_version",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.conversation_id}:{self.episode} v{self.version}"


class LearntFact(models.Model):
    """Something that a customer said of their own case and that helps next time."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="learnt_facts")
    conversation = models.ForeignKey(Conversation, models.PROTECT, related_name="learnt_facts")
    key = models.CharField(max_length=60)
    value = models.CharField(max_length=200)
    source_message = models.ForeignKey(
        Message, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    learnt_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "key"], name="one_learnt_fact_per_key"),
        ]

    def __str__(self) -> str:
        return f"{self.key}: {self.value}"
