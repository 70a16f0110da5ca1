"""Whole turns and what their prompts hold of the talk before them."""

from collections.abc import Callable

import pytest
from django.db import transaction

from assistant.models import ConversationSummary, Turn
from assistant.prompt_library import load_prompt
from assistant.turns import run_turn
from conversations.models import Conversation, Episode, Message
from conversations.services import lock_conversation, resolve_conversation
from core.background import in_database_thread
from llm.testing import ScriptedEngine, make_answer

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "How many days do I have to return unused items?"
SHIPPING = "How long does standard shipping take?"
Ask = Callable[[str], Turn]


@pytest.fixture
def answering(engine: ScriptedEngine) -> ScriptedEngine:
    engine.add_script(QUESTION, *make_answer("You can return unused items within 30 days [1]."))
    engine.add_script(SHIPPING, *make_answer("Standard shipping takes three working days [1]."))
    return engine


async def say(ask: Ask, text: str) -> None:
    await run_turn((await in_database_thread(ask)(text)).pk)


def contents(engine: ScriptedEngine) -> list[str]:
    """What the newest prompt says, message by message."""
    return [message.content for message in engine.requests[-1].messages]


@transaction.atomic
def resolve(conversation: Conversation) -> None:
    locked = lock_conversation(conversation.pk)
    resolve_conversation(
        locked,
        by=Episode.ResolvedBy.CUSTOMER,
        handled_by=Episode.HandledBy.ASSISTANT,
        outcome=Episode.Outcome.CONFIRMED,
    )


async def test_prompt_begins_with_the_newest_policy_and_ends_with_the_question(
    ask: Ask, answering: ScriptedEngine
) -> None:
    await say(ask, QUESTION)
    said = contents(answering)
    assert said[0].startswith(load_prompt("answer").text[:40].split("{")[0])
    assert said[-1].endswith(f"<question>\n{QUESTION}\n</question>")
    assert "within 30 days of delivery" in said[-1]


async def test_talk_before_the_question_grows_at_its_end(
    ask: Ask, answering: ScriptedEngine
) -> None:
    await say(ask, QUESTION)
    first = contents(answering)
    await say(ask, SHIPPING)
    second = contents(answering)
    assert second[0] == first[0]
    assert second[1:3] == [QUESTION, "You can return unused items within 30 days."]


async def test_episode_before_does_not_echo_when_the_conversation_was_reopened(
    ask: Ask, answering: ScriptedEngine, conversation: Conversation
) -> None:
    await say(ask, QUESTION)
    await in_database_thread(resolve)(conversation)
    await say(ask, SHIPPING)
    newest = await Message.objects.filter(conversation=conversation).alatest("seq")
    assert newest.episode == 2
    assert "unused items" not in " ".join(contents(answering)[1:-1])
    assert len(contents(answering)) == 2


async def test_stored_summary_stands_for_what_is_dropped(
    ask: Ask, answering: ScriptedEngine, conversation: Conversation
) -> None:
    rows = [
        Message(
            conversation=conversation,
            seq=seq,
            author_kind="customer" if seq % 2 else "assistant",
            text=f"Word {seq} " + "of the long talk before " * 30,
        )
        for seq in range(1, 41)
    ]
    await Message.objects.abulk_create(rows)
    conversation.last_seq = 40
    await conversation.asave()
    await ConversationSummary.objects.acreate(
        conversation=conversation, episode=1, version=1, through_seq=36, text="They talked long."
    )
    await say(ask, QUESTION)
    said = contents(answering)
    assert "They talked long." in said[1]
    assert "Word 40 " in said[-2]
    assert not any("Word 1 " in one for one in said)
