"""A site with two articles, and an engine that says what a test wrote."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from accounts.models import User
from assistant import activity, preparing
from assistant.helping.requests import request_help
from assistant.models import Turn
from assistant.tools import registry
from conversations.models import Conversation, Message, Site
from escalation.services import heard_from
from knowledge.indexing import index_article
from knowledge.services import ArticleContent, store_article
from llm.testing import ScriptedEngine
from tests.assistant.helping import Ask
from tests.customers import say
from tests.waiting import until

RETURNS = "You can return unused items within 30 days of delivery. Refunds take five days."
SHIPPING = "Standard shipping takes three working days and costs 5 euros."


@pytest.fixture(autouse=True)
def _no_work_left() -> Iterator[None]:
    """A turn that a test let die with its loop has no heartbeat in the next one."""
    yield
    activity._working.clear()


@pytest.fixture(autouse=True)
def _no_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another test imported, the demo's tools for one, is no tool here."""
    monkeypatch.setattr(registry, "_registry", {})


@pytest.fixture
def articles(site: Site) -> None:
    site.answer_threshold = 0.2
    site.save()
    for slug, title, body in (
        ("returns", "Returns and refunds", RETURNS),
        ("shipping", "Shipping times and costs", SHIPPING),
        ("gift-cards", "Gift cards", "Gift cards never expire and work in every store."),
    ):
        saved = store_article(site, slug=slug, content=ArticleContent(title=title, body=body))
        index_article(saved.article.pk)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    scripted = ScriptedEngine()
    monkeypatch.setattr(preparing, "choose_engine", lambda: scripted)
    return scripted


@pytest.fixture
def ask(conversation: Conversation, articles: None) -> Callable[[str], Turn]:
    """Send a customer's message and return the turn that covers it."""

    def send(text: str) -> Turn:
        say(conversation, text)
        return Turn.objects.filter(conversation=conversation).latest("pk")

    return send


@pytest.fixture
def ask_help(conversation: Conversation, agent: User) -> Ask:
    """Ask for help with the conversation in an agent's name."""
    return partial(request_help, conversation=conversation, by=agent)


@pytest.fixture
def at_desk(agent: User) -> None:
    """Let an agent be online."""
    heard_from(agent)


async def until_asked(engine: ScriptedEngine, *, seconds: float = 10) -> None:
    """Wait until the model got a request."""

    async def is_asked() -> bool:
        return bool(engine.requests)

    await until(is_asked, seconds=seconds)


def texts(conversation: Conversation) -> list[tuple[str, str]]:
    """Return the transcript as ``(author kind, text)``."""
    rows = Message.objects.filter(conversation=conversation).order_by("seq")
    return list(rows.values_list("author_kind", "text"))
