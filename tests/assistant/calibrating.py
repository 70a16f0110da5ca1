"""Answers with verdicts, and shipped files, for the tests of calibration."""

import json
from pathlib import Path

import numpy as np
import pytest

from assistant import confidence, reference
from assistant.models import Turn
from conversations.models import Conversation, Message, Site
from conversations.services import append_message, lock_conversation, start_conversation

NAMES = ("margin", "fused")
LINE = {
    "intercept": -3.0,
    "weights": {"margin": 1.0, "fused": 6.0},
}


def ship(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small files stand for the shipped ones: 40 answerable questions, 40 out of scope."""
    random = np.random.default_rng(1)
    rows = []
    for number in range(80):
        outside = number % 2 == 0
        fused = float(random.uniform(0.0, 0.5) if outside else random.uniform(0.3, 1.0))
        rows.append(
            {
                "features": {"fused": fused, "margin": float(random.uniform())},
                "right": not outside and fused > 0.4,
                "out_of_scope": outside,
            }
        )
    (folder / "weights.json").write_text(json.dumps(LINE))
    (folder / "questions.json").write_text(json.dumps(rows))
    monkeypatch.setattr(reference, "WEIGHTS", folder / "weights.json")
    monkeypatch.setattr(confidence, "shipped_threshold", lambda target: 0.7)
    monkeypatch.setattr(reference, "QUESTIONS", folder / "questions.json")
    forget_shipped()


def forget_shipped() -> None:
    """Read the real files again."""
    reference.shipped_line.cache_clear()
    reference.shipped_samples.cache_clear()


def answer(
    site: Site,
    *,
    conversation: Conversation | None = None,
    features: dict[str, float] | None = None,
    helpful: bool | None = None,
    topic: str = "",
) -> Turn:
    """Store a question with the assistant's answer; a conversation of its own by default."""
    held = lock_conversation((conversation or start_conversation(site)[0]).pk)
    asked = append_message(held, author_kind=Message.Author.CUSTOMER, text="How do I do it?")
    message = append_message(
        held, author_kind=Message.Author.ASSISTANT, text="Like this.", is_answer=True
    )
    Message.objects.filter(pk=message.pk).update(helpful=helpful)
    return Turn.objects.create(
        conversation=held,
        public_id=message.public_id,
        state=Turn.State.DONE,
        outcome=Turn.Outcome.ANSWERED,
        message=message,
        from_seq=asked.seq,
        through_seq=asked.seq,
        holder_epoch=held.holder_epoch,
        features={"fused": 0.7, "margin": 0.2} if features is None else features,
        topic=topic,
    )


def answer_many(site: Site, *, count: int = 80, topic: str = "", seed: int = 5) -> None:
    """Store thumbs that follow the margin, of which the shipped weights make little."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        fused, margin = float(random.uniform(0.3, 1.0)), float(random.uniform())
        answer(
            site,
            features={"fused": fused, "margin": margin},
            helpful=bool(random.uniform() < (0.98 if margin > 0.4 else 0.3)),
            topic=topic,
        )
