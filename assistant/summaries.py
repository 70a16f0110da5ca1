"""Sums up what no longer fits into a prompt, behind the scenes; no turn ever waits for it.

By the small tier, so without a key there are no summaries. What the model reads is redacted,
so a stored summary holds no personal data. Facts are learnt by the same call.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from pydantic import BaseModel, ConfigDict, ValidationError

from assistant.context import MESSAGE_TOKENS, as_data, history_share, redacted_history
from assistant.facts import KEYS, Proposed, learn_facts
from assistant.history import Said, to_summarise
from assistant.memory import history_of, redactor_of
from assistant.models import ConversationSummary
from assistant.planning import purpose_of
from assistant.prompt_library import Prompt, load_prompt
from assistant.redaction import Redactor
from assistant.spending import spending, tokens_of
from conversations.models import Conversation, Message
from core.background import in_database_thread
from llm.engines import complete, has_small_model
from llm.errors import ModelError
from llm.tokens import raw_tokens
from llm.types import ChatMessage, Completion, Tier

logger = logging.getLogger(__name__)
SECONDS = 20.0
MAX_TOKENS = 500
MAX_SUMMARY_CHARACTERS = 1_500
MAX_FACTS_AT_ONCE = 5


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid")
    key: str
    value: str
    message: int


class _Notes(BaseModel):
    """What the model replies, by a schema where the server knows schemas."""

    model_config = ConfigDict(extra="forbid")
    summary: str
    facts: list[_Fact]


SCHEMA: Final = _Notes.model_json_schema()


@dataclass(frozen=True, slots=True)
class _Due:
    """A summary to be made: of these messages, redacted, on top of the one before."""

    conversation: Conversation
    version: int
    before: str
    said: tuple[Said, ...]
    messages: dict[int, Message]
    redactor: Redactor


async def summarise_conversation(conversation_pk: int, *, tier: Tier) -> None:
    """Store the summary that is due for prompts of ``tier``, if one is; a repeat does nothing."""
    if not has_small_model():
        return
    due = await in_database_thread(_find_due)(conversation_pk, tier=tier)
    if due is None:
        return
    prompt = load_prompt("summary")
    completion = await _ask(due, _messages(due, prompt))
    notes = _read(completion.text) if completion else None
    if completion is None or notes is None:
        logger.info("conversation %s not summarised", conversation_pk)
        return
    await in_database_thread(_store)(due, notes, completion=completion, prompt=prompt)


async def _ask(due: _Due, messages: Sequence[ChatMessage]) -> Completion | None:
    """Return a model's reply; None where the budget or the model has none."""
    purpose = purpose_of(due.conversation, "summary")
    tokens = await in_database_thread(tokens_of)(messages)
    async with spending(purpose, prompt_tokens=tokens, max_completion_tokens=MAX_TOKENS) as spent:
        if spent.tier is None:
            return None
        try:
            completion = await complete(
                messages, seconds=SECONDS, tier=spent.tier, max_tokens=MAX_TOKENS, schema=SCHEMA
            )
        except ModelError as error:
            logger.info("no summary: %s", error)
            spent.note(error.usage)
            return None
        spent.note(completion.usage)
    return completion


def _find_due(conversation_pk: int, *, tier: Tier) -> _Due | None:
    conversation = Conversation.objects.select_related("site", "customer").get(pk=conversation_pk)
    messages = list(conversation.messages.filter(episode=conversation.episode).order_by("seq"))
    redactor = redactor_of(conversation)
    said = redacted_history(history_of(messages), redactor.redact)
    newest = _newest(conversation)
    through = newest.through_seq if newest else 0
    counts = [raw_tokens(one.text, model="") + MESSAGE_TOKENS for one in said]
    covered = sum(one.seq <= through for one in said)
    count = to_summarise(counts, share=history_share(tier), summarised=covered)
    if count <= covered:
        return None
    return _Due(
        conversation=conversation,
        version=newest.version + 1 if newest else 1,
        before=newest.text if newest else "",
        said=said[covered:count],
        messages={message.seq: message for message in messages},
        redactor=redactor,
    )


def _newest(conversation: Conversation) -> ConversationSummary | None:
    summaries = ConversationSummary.objects.filter(
        conversation=conversation, episode=conversation.episode
    )
    return summaries.order_by("-version").first()


def _messages(due: _Due, prompt: Prompt) -> Sequence[ChatMessage]:
    rules = prompt.render(site=due.conversation.site.name, keys=", ".join(KEYS))
    lines = [f"[{one.seq}] {one.kind}: {one.text}" for one in due.said]
    notes = f"<notes>\n{as_data(due.before) or 'None yet.'}\n</notes>\n\n"
    said = "\n".join(lines)
    return (
        ChatMessage("system", rules),
        ChatMessage("user", f"{notes}<messages>\n{said}\n</messages>"),
    )


def _read(text: str) -> _Notes | None:
    """Return the notes in a reply; servers without schemas wrap JSON in words and fences."""
    start, end = text.find("{"), text.rfind("}")
    try:
        notes = _Notes.model_validate(json.loads(text[start : end + 1]))
    except (ValueError, ValidationError):
        return None
    return notes if notes.summary.strip() else None


@transaction.atomic
def _store(due: _Due, notes: _Notes, *, completion: Completion, prompt: Prompt) -> None:
    """Store what came back; of two that worked at once the first has stored it already."""
    # Placeholders would be taken for the customer's own words, so they are put back before.
    text = due.redactor.redact(due.redactor.restore(notes.summary.strip()))
    summary = ConversationSummary(
        conversation=due.conversation,
        episode=due.conversation.episode,
        version=due.version,
        through_seq=due.said[-1].seq,
        text=text[:MAX_SUMMARY_CHARACTERS],
        model=completion.usage.model if completion.usage else "",
        prompt_version=prompt.label,
    )
    ConversationSummary.objects.bulk_create([summary], ignore_conflicts=True)
    proposed = [Proposed(one.key, one.value, one.message) for one in notes.facts]
    read = {one.seq: due.messages[one.seq] for one in due.said}
    learn_facts(
        due.conversation,
        proposed[:MAX_FACTS_AT_ONCE],
        said=read,
        is_personal=lambda text: due.redactor.redact(text) != text,
    )
