"""What the assistant knows of a conversation besides its articles, read for one prompt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import Q

from assistant.context import Summary
from assistant.history import Said
from assistant.models import ConversationSummary, LearntFact
from assistant.redaction import Redactor
from conversations.models import Conversation, Message

# A prompt takes the oldest version that covers what it drops; older ones than these never do.
VERSIONS = 4
MAX_RECORD_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Memory:
    """The records of a verified customer, what they said earlier, and the episode's summaries."""

    records: Mapping[str, str] = field(default_factory=dict)
    learnt: tuple[str, ...] = ()
    summaries: tuple[Summary, ...] = ()


def recall(conversation: Conversation) -> Memory:
    """Return what is remembered of a conversation; nothing of one that is not stored."""
    if conversation.pk is None:
        return Memory()
    has_learnt, has_summaries = _what_there_is(conversation)
    return Memory(
        records=_records(conversation),
        learnt=_learnt(conversation) if has_learnt else (),
        summaries=_summaries(conversation) if has_summaries else (),
    )


# Most conversations have neither.
THERE_IS = """
SELECT EXISTS (SELECT FROM assistant_learntfact WHERE customer_id = %s),
    EXISTS (SELECT FROM assistant_conversationsummary WHERE conversation_id = %s)
"""


def _what_there_is(conversation: Conversation) -> tuple[bool, bool]:
    with connection.cursor() as cursor:
        cursor.execute(THERE_IS, [conversation.customer_id, conversation.pk])
        has_learnt, has_summaries = cursor.fetchone()
    return has_learnt, has_summaries


def history_of(messages: Sequence[Message]) -> tuple[Said, ...]:
    """Return stored messages as a prompt's history; what the system said is no part of it."""
    return tuple(
        Said(message.seq, message.author_kind, message.text)
        for message in messages
        if message.author_kind != Message.Author.SYSTEM
    )


def redactor_of(conversation: Conversation) -> Redactor:
    """Return a redactor that numbers as every other one of the same conversation does."""
    patterns = conversation.site.redaction_patterns
    return Redactor(locale=conversation.locale, patterns=patterns)


def _records(conversation: Conversation) -> dict[str, str]:
    """Return what the site signed of the customer, and no more of it than answers need."""
    if not conversation.is_vouched_for:
        return {}
    customer = conversation.customer
    plan = customer.attributes.get("plan")
    records = {
        "Name": customer.name,
        "Plan": plan if isinstance(plan, str) else "",
        "Language": conversation.locale,
    }
    return {
        name: " ".join(value.split())[:MAX_RECORD_CHARACTERS]
        for name, value in records.items()
        if value.strip()
    }


def _learnt(conversation: Conversation) -> tuple[str, ...]:
    """Return what was learnt before this episode, newest first.

    From other conversations only as long as it is certain whose they are. What was said in this
    episode is in its messages, and a fact more would change the prompt's beginning.
    """
    earlier_here = Q(conversation=conversation) & ~Q(source_message__episode=conversation.episode)
    elsewhere = ~Q(conversation=conversation)
    usable = earlier_here | elsewhere if conversation.is_vouched_for else earlier_here
    facts = LearntFact.objects.filter(usable, customer=conversation.customer_id)
    return tuple(
        f"{fact.key.replace('_', ' ')}: {fact.value}"
        for fact in facts.order_by("-learnt_at", "key")
    )


def _summaries(conversation: Conversation) -> tuple[Summary, ...]:
    newest = ConversationSummary.objects.filter(
        conversation=conversation, episode=conversation.episode
    ).order_by("-version")[:VERSIONS]
    return tuple(Summary(one.through_seq, one.text) for one in reversed(newest))
