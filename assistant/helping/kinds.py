"""Which service carries out which kind of help."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from assistant.helping.article_writing import draft_article
from assistant.helping.cases import Case
from assistant.helping.drafting import draft_reply
from assistant.helping.outcomes import Outcome
from assistant.helping.prompt_trials import try_prompt
from assistant.helping.writing import change_tone, suggest_tags, summarise, title, translate
from assistant.models import HelperRun

Kind = HelperRun.Kind
Service = Callable[[Case], Coroutine[Any, Any, Outcome]]
SERVICES: Final[Mapping[str, Service]] = {
    Kind.DRAFT_REPLY: draft_reply,
    Kind.SUMMARY: summarise,
    Kind.TRANSLATION: translate,
    Kind.TONE: change_tone,
    Kind.TITLE: title,
    Kind.TAGS: suggest_tags,
    Kind.ARTICLE: draft_article,
    Kind.PROMPT_TRIAL: try_prompt,
}
