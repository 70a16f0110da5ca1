"""Invents the demo's chats of a day: pure, and the same ones each time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo
from random import Random

from conversations.models import Episode, Message
from escalation.models import HandOff
from escalation.policy import TEXTS
from supportbot.demo_data import phrases
from supportbot.demo_data.stories import Chapter, Line, Pass, Score, Story
from supportbot.demo_data.topics import Topic

Author = Message.Author
HandledBy = Episode.HandledBy
Outcome = Episode.Outcome
Reason = HandOff.Reason
ResolvedBy = Episode.ResolvedBy
SEED = "harbor-and-pine"
WEEKDAY_CHATS, WEEKEND_CHATS = (15, 20), (7, 11)
# Chats by the hour: a peak before noon, a higher one after dinner, nearly nobody at night.
HOUR_WEIGHTS = (
    1, 0, 0, 0, 0, 1, 2, 4, 7, 10, 12, 12, 9, 9, 10, 9, 9, 10, 11, 13, 14, 11, 7, 3,
)  # fmt: skip
WEEKDAY_DESK, WEEKEND_DESK = range(9, 19), range(10, 15)
KINDS_AT_DESK = {"answered": 48, "passed": 45, "reopened": 7}
KINDS_ALONE = {"answered": 88, "abandoned": 12}
IDLE = timedelta(minutes=30)
GOODBYE = "This conversation has ended. Write again at any time."
RATING_CHANCE = {HandledBy.ASSISTANT: 0.42, HandledBy.PERSON: 0.56, HandledBy.NOBODY: 0.2}
COMMENT_CHANCE = 0.4
# How often each score is given, from 1 to 5.
SCORE_WEIGHTS = {
    HandledBy.ASSISTANT: (4, 6, 13, 32, 45),
    HandledBy.PERSON: (2, 4, 9, 27, 58),
    HandledBy.NOBODY: (65, 35, 0, 0, 0),
}
SORE_WEIGHTS = (10, 14, 24, 30, 22)
SORE_REASONS = {Reason.NEGATIVE_SENTIMENT, Reason.FLAGGED, Reason.REPEATED_QUESTION}


def tell_day(
    day: date, *, zone: tzinfo, topics: Sequence[Topic], agents: Sequence[str]
) -> Iterator[Story]:
    """Yield the chats that began on ``day``; ``agents`` are the names that customers see."""
    is_weekend = day.weekday() >= 5
    rng = Random(f"{SEED}:{day}")  # noqa: S311 - made-up chats, not secrets
    for _ in range(rng.randint(*(WEEKEND_CHATS if is_weekend else WEEKDAY_CHATS))):
        hour = rng.choices(range(24), weights=HOUR_WEIGHTS)[0]
        clock = time(hour, rng.randrange(60), rng.randrange(60), tzinfo=zone)
        has_desk = hour in (WEEKEND_DESK if is_weekend else WEEKDAY_DESK)
        teller = Teller(rng, topics=topics, agents=agents, at=datetime.combine(day, clock))
        yield teller.tell(KINDS_AT_DESK if has_desk else KINDS_ALONE)


class Teller:
    """Tells one chat; its clock goes on with every line."""

    def __init__(
        self, rng: Random, *, topics: Sequence[Topic], agents: Sequence[str], at: datetime
    ) -> None:
        self.rng = rng
        self.topics = topics
        self.agent = rng.randrange(len(agents))
        self.agent_name = agents[self.agent]
        self.at = at
        self.lines: list[Line] = []

    def tell(self, kinds: dict[str, int]) -> Story:
        """Return a chat of one of the kinds, by their weights."""
        plots: dict[str, Callable[[], tuple[Chapter, ...]]] = {
            "answered": lambda: (self.answered(),),
            "passed": lambda: (self.passed(self.rng.choice(phrases.MATTERS)),),
            "reopened": self.reopened,
            "abandoned": lambda: (self.abandoned(),),
        }
        kind = self.rng.choices(list(kinds), weights=list(kinds.values()))[0]
        customer = self.rng.choice(phrases.FIRST_NAMES)
        return Story(customer=customer, agent=self.agent, chapters=plots[kind]())

    def answered(self, *, is_final: bool = True) -> Chapter:
        """A chat that the assistant settles alone."""
        self.ask_and_answer()
        if self.rng.random() < 0.25:
            self.ask_and_answer()
        pleased = is_final and self.rng.random() < 0.35
        if pleased:
            self.lines[-1] = replace(self.lines[-1], helpful=True)
            self.say(Author.CUSTOMER, self.rng.choice(phrases.THANKS), after=(8, 60))
        by_customer = self.rng.random() < 0.3
        self.at += timedelta(minutes=self.rng.uniform(0.5, 6)) if by_customer else IDLE
        self.say(Author.SYSTEM, GOODBYE, after=(0, 1))
        return self.end(
            HandledBy.ASSISTANT,
            Outcome.CONFIRMED if pleased else Outcome.ASSUMED,
            by=ResolvedBy.CUSTOMER if by_customer else ResolvedBy.IDLE,
            may_rate=is_final,
        )

    def passed(self, matter: phrases.Matter) -> Chapter:
        """A chat that a person settles."""
        if matter.after_answer:
            self.ask_and_answer()
        hand_off = self.hand_off(matter.question, reason=matter.reason)
        self.at += timedelta(seconds=min(self.rng.lognormvariate(4.5, 0.7), 1500))
        taken_at = self.at
        self.say(Author.SYSTEM, f"You are now talking to {self.agent_name}.", after=(0, 1))
        self.say(Author.AGENT, matter.reply, after=(25, 160))
        self.say(Author.CUSTOMER, self.rng.choice(phrases.THANKS), after=(15, 120))
        done = f"{self.agent_name} marked this conversation as resolved."
        self.say(Author.SYSTEM, done, after=(10, 90))
        hand_off = replace(hand_off, taken_at=taken_at, ended_at=self.at)
        return self.end(HandledBy.PERSON, Outcome.ASSUMED, by=ResolvedBy.AGENT, hand_off=hand_off)

    def reopened(self) -> tuple[Chapter, ...]:
        """A chat that seemed settled, until the customer came back."""
        first = self.answered(is_final=False)
        self.at += timedelta(minutes=self.rng.uniform(20, 150))
        number = self.rng.randrange(len(phrases.CAME_BACK))
        matter = phrases.Matter(
            Reason.LOW_CONFIDENCE, phrases.CAME_BACK[number], phrases.COME_BACK_REPLIES[number]
        )
        return first, self.passed(matter)

    def abandoned(self) -> Chapter:
        """A chat that waits for a person while nobody is at the desk."""
        question = self.rng.choice(phrases.WAITED_IN_VAIN)
        hand_off = self.hand_off(question, reason=Reason.ASKED_FOR_PERSON)
        self.at += timedelta(minutes=self.rng.uniform(6, 45))
        self.say(Author.SYSTEM, GOODBYE, after=(0, 1))
        hand_off = replace(hand_off, ended_at=self.at)
        return self.end(
            HandledBy.NOBODY, Outcome.ABANDONED, by=ResolvedBy.CUSTOMER, hand_off=hand_off
        )

    def ask_and_answer(self) -> None:
        """A question that the help articles answer."""
        topic = self.rng.choice(self.topics)
        self.say(Author.CUSTOMER, topic.question, after=(5, 40))
        self.say(Author.ASSISTANT, topic.answer, after=(1.4, 5.5), topic=topic)

    def hand_off(self, question: str, *, reason: HandOff.Reason) -> Pass:
        """A question that a person must see, and the assistant's words."""
        self.say(Author.CUSTOMER, question, after=(5, 60))
        self.say(Author.ASSISTANT, TEXTS[reason], after=(0.8, 3))
        return Pass(reason=reason, at=self.at, taken_at=None, ended_at=self.at)

    def say(
        self,
        author: Message.Author,
        text: str,
        *,
        after: tuple[float, float],
        topic: Topic | None = None,
    ) -> None:
        """Add a line, some seconds after the one before."""
        self.at += timedelta(seconds=self.rng.uniform(*after))
        self.lines.append(Line(at=self.at, author=author, text=text, topic=topic))

    def end(
        self,
        handled_by: Episode.HandledBy,
        outcome: Episode.Outcome,
        *,
        by: Episode.ResolvedBy,
        hand_off: Pass | None = None,
        may_rate: bool = True,
    ) -> Chapter:
        """Close the chapter here; a good score confirms what was only assumed."""
        is_sore = hand_off is not None and hand_off.reason in SORE_REASONS
        ended_at, lines, self.lines = self.at, tuple(self.lines), []
        pleased = outcome == Outcome.CONFIRMED
        rating = self.rating(handled_by, is_sore=is_sore, pleased=pleased) if may_rate else None
        if rating and rating.score >= 4 and outcome == Outcome.ASSUMED:
            outcome = Outcome.CONFIRMED
        return Chapter(
            lines=lines,
            ended_at=ended_at,
            handled_by=handled_by,
            outcome=outcome,
            resolved_by=by,
            hand_off=hand_off,
            rating=rating,
        )

    def rating(
        self, handled_by: Episode.HandledBy, *, is_sore: bool, pleased: bool
    ) -> Score | None:
        """The customer's rating, if there is one; who gave a thumb up gives 4 stars or 5."""
        if self.rng.random() > RATING_CHANCE[handled_by]:
            return None
        weights = SORE_WEIGHTS if is_sore else SCORE_WEIGHTS[handled_by]
        score = self.rng.choices((1, 2, 3, 4, 5), weights=weights)[0]
        score = max(score, 4) if pleased else score
        comment = ""
        if self.rng.random() < COMMENT_CHANCE:
            comment = self.rng.choice(phrases.COMMENTS[handled_by][score])
        at = self.at + timedelta(seconds=self.rng.uniform(8, 240))
        return Score(score=score, comment=comment.format(agent=self.agent_name), at=at)
