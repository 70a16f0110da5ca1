"""Tries a version of the answer's prompt on a turn that was; nobody but who asked sees it."""

from typing import Any

from assistant.composing import compose
from assistant.drafts import Composed, Job
from assistant.helping.cases import Case
from assistant.helping.outcomes import Made, Outcome
from assistant.models import Turn
from assistant.planning import Answer, AskBack, PassOn, Plan, Say
from assistant.reading import Reading, read_messages
from core.background import in_database_thread

WORDS = {
    Answer: "It would answer",
    AskBack: "It would ask what is meant",
    PassOn: "It would pass this to a person",
    Say: "It would answer by rule",
}


async def try_prompt(case: Case) -> Outcome:
    """Compose the answer anew, by today's articles and the chosen version of the prompt."""
    reading = await in_database_thread(_read)(case)
    version = int(case.run.input["prompt_version"])
    composed = await compose(reading, Job(seconds=case.seconds, prompt_version=version))
    return Outcome(_output(composed), _made(composed, version=version))


def _read(case: Case) -> Reading:
    turn = Turn.objects.get(pk=case.run.input["turn"], conversation=case.conversation)
    return read_messages(
        turn.conversation_id, first=turn.from_seq, last=turn.through_seq or turn.from_seq
    )


def _output(composed: Composed) -> dict[str, Any]:
    decision, draft = composed.decision, composed.draft
    return {
        "decision": WORDS[type(decision)],
        "reason": _reason(decision),
        "text": decision.text if isinstance(decision, AskBack | Say) else draft.text,
        "citations": [dict(citation) for citation in draft.citations],
        "confidence": composed.judgement.confidence,
        "groundedness": draft.groundedness,
        "steps": composed.record.get("steps", []),
    }


def _reason(decision: Plan) -> str:
    if not isinstance(decision, PassOn):
        return ""
    return f"{decision.reason.label}. {decision.detail}".strip()


def _made(composed: Composed, *, version: int) -> Made:
    draft = composed.draft
    return Made(
        engine=draft.engine,
        model=draft.model,
        prompt_version=draft.prompt_version or f"answer/{version}",
        prompt_tokens=sum(usage.prompt_tokens for usage in draft.usages),
        completion_tokens=sum(usage.completion_tokens for usage in draft.usages),
        cost=draft.cost,
    )
