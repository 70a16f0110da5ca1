"""Rows of every kind for the reports to count, generated from a fixed seed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import pytest
from django.test import Client
from django.utils import timezone

from conversations.models import Conversation, Customer, Episode, Rating, Site
from core.ids import new_token, token_hash
from escalation.models import HandOff
from reports.spans import Span, last_days
from tests.conftest import make_user

COMMENTS = ("", "Fine.", '=HYPERLINK("http://evil.example")', "<script>alert(1)</script>")


class Maker:
    """Stores episodes of all kinds, likely and unlikely ones."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.customer = Customer.objects.create(site=site, name="Nora")

    def conversation(self, *, is_sample: bool = False, episodes: int = 1) -> Conversation:
        """A conversation without episodes yet."""
        return Conversation.objects.create(
            site=self.site,
            customer=self.customer,
            token_hash=token_hash(new_token()),
            token_expires_at=timezone.now(),
            is_sample=is_sample,
            episode=episodes,
        )

    def episode(self, at: datetime, **values: object) -> Episode:
        """An episode of its own conversation, asked at ``at`` unless told otherwise."""
        conversation = values.pop("conversation", None) or self.conversation()
        defaults = {"number": 1, "started_at": at, "first_question_at": at}
        return Episode.objects.create(conversation=conversation, **(defaults | values))

    def hand_off(self, episode: Episode, *, reason: str) -> HandOff:
        """A closed hand-off."""
        return HandOff.objects.create(
            conversation=episode.conversation, episode=episode, reason=reason, state="closed"
        )


@pytest.fixture
def maker(site: Site) -> Maker:
    """Makes rows on the test's site."""
    return Maker(site)


@pytest.fixture
def span() -> Span:
    """The seven days up to today."""
    return last_days(7)


@pytest.fixture
def crowd(maker: Maker, span: Span) -> Maker:
    """Some 150 random episodes in, before and after the span."""
    rng = Random(7)
    for _ in range(110):
        _random_conversation(maker, rng, span)
    return maker


def _random_conversation(maker: Maker, rng: Random, span: Span) -> None:
    episodes = rng.choice((1, 1, 2))
    conversation = maker.conversation(is_sample=rng.random() < 0.3, episodes=episodes)
    width = (span.end - span.start) * 1.4
    at = span.start - (span.end - span.start) * 0.2 + width * rng.random()
    for number in range(1, episodes + 1):
        times = dict(_random_times(rng, at))
        episode = maker.episode(
            at,
            conversation=conversation,
            number=number,
            handled_by=rng.choice(Episode.HandledBy.values),
            outcome=rng.choice(Episode.Outcome.values),
            **times,
        )
        for reason in rng.sample(HandOff.Reason.values, rng.choice((0, 0, 1, 2))):
            maker.hand_off(episode, reason=reason)
        if times["rating_requested_at"] and rng.random() < 0.6:
            Rating.objects.create(
                episode=episode, score=rng.randint(1, 5), comment=rng.choice(COMMENTS)
            )
        at += timedelta(hours=rng.uniform(1, 30))


def _random_times(rng: Random, at: datetime) -> Iterator[tuple[str, datetime | None]]:
    names = ("first_question_at", "handed_off_at", "first_response_at", "resolved_at")
    chances = (0.9, 0.4, 0.8, 0.8)
    ended = None
    for name, chance in zip(names, chances, strict=True):
        ended = at + timedelta(seconds=rng.uniform(0, 900)) if rng.random() < chance else None
        yield name, ended
    yield "rating_requested_at", ended if rng.random() < 0.7 else None


@pytest.fixture
def manager_client(site: Site, client: Client) -> Client:
    """A logged-in manager."""
    client.force_login(make_user("mira", role="manager"))
    return client
