"""The look at all that is shown: it finds what a lost hint would have told, and nothing else."""

from dataclasses import dataclass, field

import pytest

from conversations.models import Conversation, Site
from conversations.selectors import changed_heads
from conversations.services import start_conversation
from conversations.sweeping import Sweep

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(eq=False)
class Shown:
    """A viewer that notes what it is told."""

    conversation_id: str
    shown: tuple[int, int] = (0, 0)
    is_watching_more: bool = False
    told: list[tuple[int, int]] = field(default_factory=list)

    def look_again(self, *, last_seq: int, revision: int) -> None:
        self.told.append((last_seq, revision))


@pytest.fixture
def three() -> list[Conversation]:
    site = Site.objects.create(key="shop", name="Shop")
    return [start_conversation(site)[0] for _ in range(3)]


def test_only_what_differs_comes_back_by_its_place(three: list[Conversation]) -> None:
    first, second, third = three
    Conversation.objects.filter(pk=second.pk).update(last_seq=4)
    Conversation.objects.filter(pk=third.pk).update(revision=2)
    ids = [str(one.public_id) for one in (first, third, second, third)]
    assert changed_heads(ids, [(0, 0)] * 4) == {1: (0, 2), 2: (4, 0), 3: (0, 2)}
    assert changed_heads(ids, [(0, 0), (0, 2), (4, 0), (0, 1)]) == {3: (0, 2)}
    assert changed_heads([], []) == {}


async def test_viewers_hear_of_their_own_conversation_alone(three: list[Conversation]) -> None:
    sweep = Sweep()
    viewers = [Shown(str(one.public_id)) for one in three] + [Shown(str(three[0].public_id))]
    waiting = Shown(str(three[1].public_id), is_watching_more=True)
    gone = Shown(str(three[0].public_id))
    for viewer in (*viewers, waiting, gone):
        sweep.add(viewer)
    sweep.remove(gone)
    await Conversation.objects.filter(pk=three[0].pk).aupdate(last_seq=7, revision=1)
    await sweep.look()
    assert [viewer.told for viewer in viewers] == [[(7, 1)], [], [], [(7, 1)]]
    assert waiting.told == [(0, 0)]
    assert gone.told == []


async def test_nothing_is_asked_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr("conversations.sweeping.changed_heads", lambda *of: asked.append(of) or {})
    sweep = Sweep()
    await sweep.look()
    assert asked == []
    sweep.add(Shown("a"))
    await sweep.look()
    assert len(asked) == 1
