"""Small help with words: translation, tone, title, tags, and the brief for who takes over."""

from pydantic import BaseModel, ConfigDict

from assistant.helping.asking import ask_model, or_without, quoted
from assistant.helping.cases import Case, as_lines
from assistant.helping.languages import language_name
from assistant.helping.outcomes import NothingSaid, Outcome
from assistant.models import Turn
from conversations.models import Message
from core.background import in_database_thread
from escalation.models import HandOff
from knowledge.models import Article

Author = Message.Author
AGENTS_LANGUAGE = "en"
TONES = {
    "friendly": "warmer and friendlier, without flattery",
    "formal": "more formal and matter-of-fact, and still kind",
    "shorter": "half as long, in plain words",
    "clearer": "easier to understand: short sentences, steps as a list",
}
MAX_TITLE_CHARACTERS = 80
MAX_TAGS = 4
TAGS_OFFERED = 60
LAST_MESSAGES = 4
MAX_QUOTE_CHARACTERS = 240


class _Text(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    text: str


class _Tags(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    tags: list[str]


async def translate(case: Case) -> Outcome:
    """Translate the given text for the customer, or without one what they wrote for the agent."""
    text = case.given("text") or "\n\n".join(one.text for one in case.asked)
    theirs = case.language if case.given("text") else AGENTS_LANGUAGE
    language = case.given("language") or theirs
    reply, made = await ask_model(
        case,
        prompt="translation",
        content=quoted("text", case.redactor.redact(text)),
        schema=_Text,
        language=language_name(language),
    )
    return Outcome({"text": reply.text.strip(), "language": language}, made)


async def change_tone(case: Case) -> Outcome:
    """Rewrite the given reply in another tone."""
    tone = case.given("tone")
    reply, made = await ask_model(
        case,
        prompt="tone",
        content=quoted("reply", case.redactor.redact(case.given("text"))),
        schema=_Text,
        tone=TONES[tone],
    )
    return Outcome({"text": reply.text.strip(), "tone": tone}, made)


async def summarise(case: Case) -> Outcome:
    """Say what somebody who takes over must know; without a model the conversation's own words."""
    return await or_without(_summarise_by_model(case), case, without=_extract_summary)


async def _summarise_by_model(case: Case) -> Outcome:
    _check_said(case)
    reply, made = await ask_model(
        case, prompt="handover", content=as_lines(case.said), schema=_Text
    )
    return Outcome({"text": reply.text.strip()}, made)


def _extract_summary(case: Case) -> Outcome:
    """Return the first question, why it was passed on, and the last messages, word for word."""
    spoken = [one for one in case.messages if one.author_kind != Author.SYSTEM]
    parts = [f"Asked first: \u201c{_clip(_first_question(case))}\u201d"]
    hand_off = (
        HandOff.objects.filter(conversation=case.conversation).order_by("-created_at").first()
    )
    if hand_off is not None:
        detail = hand_off.detail and f" ({hand_off.detail})"
        parts.append(f"Passed on: {hand_off.get_reason_display()}{detail}")
    last = [
        f"{one.get_author_kind_display()}: {_clip(one.text)}" for one in spoken[-LAST_MESSAGES:]
    ]
    parts.append("\n".join(["Said last:", *last]))
    return Outcome({"text": "\n\n".join(parts)})


async def title(case: Case) -> Outcome:
    """Name what the conversation is about; without a model the first question, shortened."""
    return await or_without(_title_by_model(case), case, without=_extract_title)


async def _title_by_model(case: Case) -> Outcome:
    _check_said(case)
    reply, made = await ask_model(case, prompt="title", content=as_lines(case.said), schema=_Text)
    return Outcome({"text": _clip(reply.text, limit=MAX_TITLE_CHARACTERS)}, made)


def _extract_title(case: Case) -> Outcome:
    return Outcome({"text": _clip(_first_question(case), limit=MAX_TITLE_CHARACTERS)})


async def suggest_tags(case: Case) -> Outcome:
    """Suggest tags; without a model those of the articles that its answers came from."""
    return await or_without(_tags_by_model(case), case, without=_extract_tags)


async def _tags_by_model(case: Case) -> Outcome:
    _check_said(case)
    used = await in_database_thread(_tags_in_use)(case.conversation.site_id)
    content = f"{quoted('tags', ', '.join(used))}\n\n{as_lines(case.said)}"
    reply, made = await ask_model(case, prompt="tags", content=content, schema=_Tags)
    tags = dict.fromkeys(" ".join(tag.lower().split())[:50] for tag in reply.tags)
    return Outcome({"tags": [tag for tag in tags if tag][:MAX_TAGS]}, made)


def _extract_tags(case: Case) -> Outcome:
    topics = Turn.objects.filter(conversation=case.conversation).exclude(topic="").order_by("-pk")
    tags = dict.fromkeys(topics.values_list("topic", flat=True))
    return Outcome({"tags": list(tags)[:MAX_TAGS]})


def _tags_in_use(site_pk: int) -> list[str]:
    rows = Article.objects.filter(site_id=site_pk, is_published=True)
    tags = {tag for row in rows.values_list("tags", flat=True) for tag in row}
    return sorted(tags)[:TAGS_OFFERED]


def _check_said(case: Case) -> None:
    _first_question(case)


def _first_question(case: Case) -> str:
    """Return the customer's first words of the episode; raises ``NothingSaid``."""
    for message in case.messages:
        if message.author_kind == Author.CUSTOMER:
            return message.text
    raise NothingSaid


def _clip(text: str, *, limit: int = MAX_QUOTE_CHARACTERS) -> str:
    """Return ``text`` on one line, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    head = line[: limit - 1]
    return f"{head.rsplit(' ', 1)[0] if ' ' in head else head}\u2026"
