"""Turns of all kinds for the report of models and money to count, one plain call each."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from assistant.models import CachedAnswer, Reservation, Turn
from conversations.models import Conversation, Episode, Message, Site
from tests.reports.conftest import Maker

STANDARD: dict[str, Any] = {
    "tier": "standard",
    "tier_reason": "a plain question",
    "engine": "openai",
    "model": "m-standard",
}
QUOTED: dict[str, Any] = {"engine": "extractive"}
QUOTED_INSTEAD: dict[str, Any] = {
    "engine": "extractive",
    "tier": "standard",
    "tier_reason": "a plain question",
    "error_code": "ungrounded",
    "model": "m-standard",
}


def used(prompt: int, completion: int, cached: int = 0, cost: str | None = None) -> dict[str, Any]:
    """What a turn used of a model; without a cost nobody knows its price."""
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cached_tokens": cached,
        "cost": None if cost is None else Decimal(cost),
    }


class Turns:
    """Stores ended turns, each with its answer in a conversation of its own unless told."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker

    def turn(
        self,
        at: datetime,
        *,
        conversation: Conversation | None = None,
        helpful: bool | None = None,
        seconds: float = 1.0,
        **fields: Any,
    ) -> Turn:
        """A turn that answered ``seconds`` after it was asked."""
        conversation = conversation or self.maker.conversation()
        message = None
        if fields.get("state", "done") == "done":
            seq = conversation.messages.count() + 1
            message = Message.objects.create(
                conversation=conversation,
                seq=seq,
                episode=conversation.episode,
                author_kind="assistant",
                text="So it is.",
                is_answer=fields.get("outcome", "answered") == "answered",
                helpful=helpful,
            )
        defaults: dict[str, Any] = {
            "state": "done",
            "outcome": "answered",
            "from_seq": 1,
            "holder_epoch": 0,
            "message": message,
            "created_at": at,
            "finished_at": at + timedelta(seconds=seconds),
        }
        return Turn.objects.create(conversation=conversation, **(defaults | fields))

    def ended(self, at: datetime, *, outcome: str, **fields: Any) -> Turn:
        """A turn whose conversation the assistant ended with it."""
        turn = self.turn(at, **fields)
        number = turn.conversation.episode
        self.maker.episode(
            at,
            conversation=turn.conversation,
            number=number,
            handled_by=Episode.HandledBy.ASSISTANT,
            outcome=outcome,
            resolved_at=at,
        )
        return turn

    def kept(self, *, cost: str | None, key: str = "k") -> CachedAnswer:
        """An answer that may be given again."""
        return CachedAnswer.objects.create(
            site=self.maker.site,
            key=key,
            question="Is it so?",
            locale="en",
            text="So it is.",
            confidence=0.9,
            knowledge_version=1,
            prompt_version="answer/1",
            cost=None if cost is None else Decimal(cost),
        )


def book(site: Site, at: datetime, **fields: Any) -> Reservation:
    """A settled use of a model."""
    scopes = [["site", str(site.pk)], ["total", "all"]]
    defaults: dict[str, Any] = {
        "purpose": "answer",
        "tier": "standard",
        "state": "settled",
        "day": at.date(),
        "scopes": scopes,
        "created_at": at,
        "settled_usd": Decimal(0),
        "settled_tokens": 0,
    }
    return Reservation.objects.create(**(defaults | fields))
