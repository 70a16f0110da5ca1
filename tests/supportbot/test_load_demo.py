"""What the demo loads, and that loading it again changes nothing."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from conversations.models import Conversation, Episode, Message, Rating, Site
from core.errors import BadInput
from escalation.models import AgentProfile, FlagRule, HandOff
from escalation.selectors import waiting
from knowledge.models import Article, Passage, Posting
from supportbot.demo_data import chats
from supportbot.demo_data.help_articles import ensure_articles
from supportbot.demo_data.people import ensure_people
from supportbot.demo_data.shop import ensure_site, own_origins
from supportbot.demo_data.topics import Topic

MODELS = (
    User, AgentProfile, FlagRule, Site, Article, Passage, Posting, Conversation, Episode, Message,
    Rating, HandOff,
)  # fmt: skip
NOW = datetime(2026, 3, 20, 21, tzinfo=UTC)
TOPICS = [
    Topic(f"Question {number}?", f"Answer {number}.", "Title", "http://shop.example/help/title/")
    for number in range(5)
]


def load() -> None:
    """Run the command."""
    call_command("load_demo", "--force-in-tests")


def counts() -> dict[str, int]:
    """How many rows each table has."""
    return {model.__name__: model.objects.count() for model in MODELS}


def ensure_chats(now: datetime) -> int:
    """Store the chats that are over at ``now``."""
    site = ensure_site("http://127.0.0.1:8000")
    return chats.ensure_chats(site, topics=TOPICS, agents=ensure_people(), now=now)


@pytest.mark.django_db
def test_command_loads_once_when_run_again() -> None:
    load()
    once = counts()
    assert all(once.values())
    assert once["Article"] >= 40
    passwords = set(User.objects.values_list("username", "password"))
    load()
    assert counts() == once
    assert set(User.objects.values_list("username", "password")) == passwords


@pytest.mark.django_db
def test_command_refuses_outside_the_demo() -> None:
    with pytest.raises(CommandError, match="DEMO=1"):
        call_command("load_demo")
    assert not User.objects.exists()


@pytest.mark.django_db
def test_people_have_their_roles() -> None:
    ensure_people()
    people = {user.username: user for user in User.objects.all()}
    assert all(user.check_password(name) and user.is_staff for name, user in people.items())
    assert people["agent"].has_perm("escalation.work_queue")
    assert not people["agent"].has_perm("reports.view_reports")
    assert people["manager"].has_perm("reports.view_reports")
    assert people["admin"].is_superuser
    assert {profile.user.username for profile in AgentProfile.objects.all()} == {"agent", "agent2"}


@pytest.mark.django_db
def test_site_allows_a_new_port_and_keeps_what_its_manager_changed() -> None:
    site = ensure_site("http://127.0.0.1:8000")
    Site.objects.filter(pk=site.pk).update(greeting="Ahoy!", allowed_origins=["https://my.example"])
    site = ensure_site("http://127.0.0.1:8001")
    assert site.greeting == "Ahoy!"
    assert site.allowed_origins == [
        "https://my.example", "http://127.0.0.1:8001", "http://localhost:8001",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("url", "origins"),
    [
        ("http://localhost:8000", ["http://localhost:8000", "http://127.0.0.1:8000"]),
        ("https://shop.example/a/b", ["https://shop.example"]),
    ],
)
def test_origins_have_no_path_and_a_twin_on_loopback(url: str, origins: list[str]) -> None:
    assert own_origins(url) == origins


@pytest.mark.django_db
def test_no_article_is_imported_when_one_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Good\n\nText.")
    (tmp_path / "wrong.md").write_text("---\nnonsense\n---\nText.")
    site = ensure_site("http://127.0.0.1:8000")
    with pytest.raises(BadInput, match=r"wrong\.md"):
        ensure_articles(site, folder=tmp_path)
    assert not Article.objects.exists()


@pytest.mark.django_db
def test_edited_article_survives_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("# One\n\nText.")
    site = ensure_site("http://127.0.0.1:8000")
    assert ensure_articles(site, folder=tmp_path) == 1
    Article.objects.update(body="Edited.")
    assert ensure_articles(site, folder=tmp_path) == 0
    assert Article.objects.get().body == "Edited."


@pytest.mark.django_db
def test_chats_are_over_marked_and_out_of_the_queue() -> None:
    now = NOW
    assert 180 <= ensure_chats(now) <= 280
    assert set(Conversation.objects.values_list("status", "is_sample")) == {("resolved", True)}
    assert not waiting().exists()
    assert not HandOff.objects.exclude(state=HandOff.State.CLOSED).exists()
    assert Message.objects.latest("created_at").created_at <= now
    assert Episode.objects.earliest("started_at").started_at >= now - timedelta(days=15)


@pytest.mark.django_db
def test_chats_are_of_every_kind() -> None:
    ensure_chats(NOW)
    handled = Counter(Episode.objects.values_list("handled_by", flat=True))
    assert 0.6 <= handled["assistant"] / handled.total() <= 0.75
    outcomes = set(Episode.objects.values_list("outcome", flat=True))
    assert outcomes == {"confirmed", "assumed", "abandoned"}
    assert Episode.objects.filter(number=2).exists()
    assert HandOff.objects.values("reason").distinct().count() >= 5
    assert set(Rating.objects.values_list("score", flat=True)) == {1, 2, 3, 4, 5}
    assert Rating.objects.exclude(comment="").exists()


@pytest.mark.django_db
def test_chats_keep_the_rules_of_the_record() -> None:
    ensure_chats(NOW)
    for conversation in Conversation.objects.prefetch_related("messages", "episodes"):
        messages = list(conversation.messages.all())
        assert [one.seq for one in messages] == list(range(1, conversation.last_seq + 1))
        times = [one.created_at for one in messages]
        assert times == sorted(times)
        assert conversation.episode == len(conversation.episodes.all())
    confirmed_by_score = Rating.objects.filter(score__gte=4).exclude(episode__outcome="confirmed")
    assert not confirmed_by_score.exists()


@pytest.mark.django_db
def test_later_start_adds_the_chats_that_happened_since() -> None:
    now = NOW
    before = ensure_chats(now - timedelta(days=2))
    added = ensure_chats(now)
    assert 0 < added < before
    assert ensure_chats(now) == 0
    assert Conversation.objects.count() == before + added


@pytest.mark.django_db
def test_token_of_a_chat_is_nobodys() -> None:
    ensure_chats(NOW)
    assert not Conversation.objects.filter(token_expires_at__gt=NOW).exists()
