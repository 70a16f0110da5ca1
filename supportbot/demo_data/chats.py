"""Stores the made-up chats, marked as sample data: resolved, with nothing in the queue."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from conversations.models import Conversation, Customer, Episode, Message, Rating, Site
from core.ids import new_token, token_hash
from escalation.models import HandOff
from escalation.policy import urgency_of
from supportbot.demo_data.stories import Chapter, Line, Story
from supportbot.demo_data.storyteller import tell_day
from supportbot.demo_data.topics import Topic

DAYS = 14
BATCH = 1000
Author = Message.Author


@transaction.atomic
def ensure_chats(
    site: Site, *, topics: Sequence[Topic], agents: Sequence[User], now: datetime
) -> int:
    """Store the chats of the last two weeks that are over and not stored yet; return how many.

    Idempotent by the conversations' ids, which follow from the day and the number of a chat.
    """
    if not topics:
        return 0
    told = {
        public_id: story
        for public_id, story in _stories(site, topics=topics, agents=agents, now=now)
        if story.ended_at <= now
    }
    # Another loader at the same time waits here, and then finds the chats.
    Site.objects.select_for_update().get(pk=site.pk)
    known = Conversation.objects.filter(public_id__in=told).values_list("public_id", flat=True)
    fresh = {public_id: told[public_id] for public_id in told.keys() - set(known)}
    _Rows(site, agents=agents).store(fresh)
    return len(fresh)


def _stories(
    site: Site, *, topics: Sequence[Topic], agents: Sequence[User], now: datetime
) -> Iterable[tuple[UUID, Story]]:
    zone = timezone.get_current_timezone()
    names = [agent.public_name for agent in agents]
    for age in range(DAYS, -1, -1):
        day = timezone.localdate(now) - timedelta(days=age)
        for number, story in enumerate(tell_day(day, zone=zone, topics=topics, agents=names)):
            yield uuid5(NAMESPACE_URL, f"sample/{site.key}/{day}/{number}"), story


class _Rows:
    """Makes rows of stories; each table is filled by one statement a batch."""

    def __init__(self, site: Site, *, agents: Sequence[User]) -> None:
        self.site = site
        self.agents = agents

    def store(self, stories: dict[UUID, Story]) -> None:
        """Store conversations with all that belongs to them."""
        told = list(stories.values())
        customers = Customer.objects.bulk_create(
            (Customer(site=self.site, name=story.customer) for story in told), BATCH
        )
        conversations = Conversation.objects.bulk_create(
            (
                self.conversation(public_id, story, customer)
                for (public_id, story), customer in zip(stories.items(), customers, strict=True)
            ),
            BATCH,
        )
        pairs = list(zip(conversations, told, strict=True))
        Message.objects.bulk_create((row for pair in pairs for row in self.messages(*pair)), BATCH)
        self.store_episodes(pairs)

    def store_episodes(self, pairs: Sequence[tuple[Conversation, Story]]) -> None:
        """Store the episodes with their hand-offs and ratings."""
        parts = [
            (conversation, story, number, chapter)
            for conversation, story in pairs
            for number, chapter in enumerate(story.chapters, start=1)
        ]
        episodes = Episode.objects.bulk_create(
            (
                episode_of(conversation, number, chapter)
                for conversation, _, number, chapter in parts
            ),
            BATCH,
        )
        ends = [
            (episode, self.agents[story.agent], chapter)
            for episode, (_, story, _, chapter) in zip(episodes, parts, strict=True)
        ]
        HandOff.objects.bulk_create(
            (hand_off for end in ends for hand_off in hand_offs_of(*end)), BATCH
        )
        Rating.objects.bulk_create(
            (rating for episode, _, chapter in ends for rating in ratings_of(episode, chapter)),
            BATCH,
        )

    def conversation(self, public_id: UUID, story: Story, customer: Customer) -> Conversation:
        """A resolved conversation, under a token that nobody was given."""
        begun, last = story.chapters[0].lines[0].at, story.chapters[-1]
        lines = sum(len(chapter.lines) for chapter in story.chapters)
        return Conversation(
            public_id=public_id,
            site=self.site,
            customer=customer,
            token_hash=token_hash(new_token()),
            token_expires_at=last.ended_at,
            status=Conversation.Status.RESOLVED,
            last_seq=lines,
            customer_read_seq=lines,
            episode=len(story.chapters),
            is_sample=True,
            created_at=begun,
            last_message_at=last.lines[-1].at,
            resolved_at=last.ended_at,
        )

    def messages(self, conversation: Conversation, story: Story) -> Iterable[Message]:
        """The lines of all chapters, numbered through."""
        lines = [
            (number, line)
            for number, chapter in enumerate(story.chapters, start=1)
            for line in chapter.lines
        ]
        for seq, (episode, line) in enumerate(lines, start=1):
            agent = self.agents[story.agent] if line.author == Author.AGENT else None
            yield Message(
                conversation=conversation,
                seq=seq,
                episode=episode,
                author_kind=line.author,
                author=agent,
                author_name=self.author_name(line, story),
                text=line.text,
                citations=[line.topic.citation] if line.topic else [],
                is_answer=line.topic is not None,
                helpful=line.helpful,
                created_at=line.at,
            )

    def author_name(self, line: Line, story: Story) -> str:
        """The name that stands above a message."""
        return {
            Author.CUSTOMER: story.customer,
            Author.ASSISTANT: f"{self.site.name} assistant",
            Author.AGENT: self.agents[story.agent].public_name,
            Author.SYSTEM: self.site.name,
        }[line.author]


def episode_of(conversation: Conversation, number: int, chapter: Chapter) -> Episode:
    """Return the row of a chapter, with the first times as the record keeps them."""
    responses = [line.at for line in chapter.lines if line.topic or line.author == Author.AGENT]
    return Episode(
        conversation=conversation,
        number=number,
        started_at=chapter.lines[0].at,
        first_question_at=chapter.lines[0].at,
        first_response_at=responses[0] if responses else None,
        handed_off_at=chapter.hand_off.at if chapter.hand_off else None,
        handled_by=chapter.handled_by,
        outcome=chapter.outcome,
        resolved_by=chapter.resolved_by,
        resolved_at=chapter.ended_at,
        rating_requested_at=chapter.ended_at,
    )


def hand_offs_of(episode: Episode, agent: User, chapter: Chapter) -> Iterable[HandOff]:
    """Yield the chapter's hand-off, if it has one; it is closed."""
    if chapter.hand_off:
        taken_at = chapter.hand_off.taken_at
        yield HandOff(
            conversation=episode.conversation,
            episode=episode,
            reason=chapter.hand_off.reason,
            state=HandOff.State.CLOSED,
            urgency=urgency_of(chapter.hand_off.reason),
            created_at=chapter.hand_off.at,
            taken_at=taken_at,
            taken_by=agent if taken_at else None,
            ended_at=chapter.hand_off.ended_at,
        )


def ratings_of(episode: Episode, chapter: Chapter) -> Iterable[Rating]:
    """Yield the chapter's rating, if it has one."""
    if chapter.rating:
        yield Rating(
            episode=episode,
            score=chapter.rating.score,
            comment=chapter.rating.comment,
            created_at=chapter.rating.at,
        )
