"""Take, reply, hand back, resolve: with and without a script, and who comes second."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections
from django.test import Client

from accounts.models import User
from assistant.services import take_conversation
from conversations.models import Conversation, Message, Site
from desk.views import actions
from tests.desk.conftest import browser_of, make_waiting, url_of
from widget.protocol import message_frame

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


def status_of(conversation: Conversation) -> str:
    conversation.refresh_from_db()
    return conversation.status


def replies(conversation: Conversation) -> list[str]:
    said = Message.objects.filter(conversation=conversation, author_kind="agent")
    return list(said.values_list("text", flat=True))


def test_forms_alone_take_reply_and_resolve(desk: Client, waiting: Conversation) -> None:
    page = desk.post(url_of("take", waiting), follow=True)
    assert page.redirect_chain[0][0].endswith("#reply")
    assert "The conversation is yours." in page.content.decode()
    client_id = page.context["client_id"]
    sent = desk.post(
        url_of("reply", waiting),
        {"text": "On its way.\r\nToday.", "client_id": client_id},
        follow=True,
    )
    assert sent.redirect_chain
    assert replies(waiting) == ["On its way.\nToday."]
    desk.post(url_of("resolve", waiting))
    assert status_of(waiting) == "resolved"


def test_address_in_a_reply_is_a_link_for_both(desk: Client, waiting: Conversation) -> None:
    address = "https://elsewhere.example/returns"
    desk.post(url_of("take", waiting))
    desk.post(url_of("reply", waiting), {"text": f"See {address}.", "client_id": uuid.uuid4()})
    link = f'href="{address}"'
    assert link in desk.get(url_of("conversation", waiting)).content.decode()
    said = Message.objects.get(conversation=waiting, author_kind="agent")
    assert link in message_frame(said, conversation=waiting)["html"]


def test_hand_back_returns_the_conversation_to_the_assistant(
    desk: Client, waiting: Conversation
) -> None:
    desk.post(url_of("take", waiting))
    desk.post(url_of("hand_back", waiting))
    assert status_of(waiting) == "assistant"


@pytest.mark.django_db(transaction=True)
def test_one_of_two_wins_and_the_other_is_told_who(
    site: Site, agent: User, other_agent: User
) -> None:
    for _ in range(5):
        conversation = make_waiting(site)
        start = Barrier(2)

        def take(user: User, conversation: Conversation = conversation, start: Barrier = start):
            client = browser_of(user)
            start.wait(10)
            try:
                answer = client.post(url_of("take", conversation), headers=JSON)
                return user, answer.status_code, answer.json()["detail"]
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(take, [agent, other_agent]))
        (winner, *_), (_, status, detail) = sorted(results, key=lambda result: result[1])
        conversation.refresh_from_db()
        assert [code for _, code, _ in sorted(results, key=lambda r: r[1])] == [200, 409]
        assert conversation.agent == winner
        assert (status, detail) == (409, f"{winner.public_name} has taken this conversation.")


def test_the_second_agent_reads_the_first_ones_name_without_a_script(
    desk: Client, other_desk: Client, waiting: Conversation
) -> None:
    desk.post(url_of("take", waiting))
    page = other_desk.post(url_of("take", waiting), follow=True).content.decode()
    assert "Ana has taken this conversation." in page
    assert "With Ana" in page


def test_a_reply_posted_twice_is_stored_once(desk: Client, waiting: Conversation) -> None:
    desk.post(url_of("take", waiting))
    form = {"text": "Hello", "client_id": str(uuid.uuid4())}
    for _ in range(2):
        assert desk.post(url_of("reply", waiting), form, headers=JSON).status_code == 200
    assert replies(waiting) == ["Hello"]


def test_a_refused_reply_keeps_its_draft_and_says_why_near_the_box(
    desk: Client, other_agent: User, waiting: Conversation
) -> None:
    take_conversation(waiting.pk, agent=other_agent)
    form = {"text": "My <draft>", "client_id": str(uuid.uuid4())}
    answer = desk.post(url_of("reply", waiting), form)
    page = answer.content.decode()
    assert answer.status_code == 403
    assert ">My &lt;draft&gt;</textarea>" in page
    assert 'id="reply-problem" class="desk-problem">Ben holds this conversation.' in page
    assert f'value="{form["client_id"]}"' in page
    assert replies(waiting) == []


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"text": "Hello", "client_id": "nonsense"}, 400),
        ({"text": "", "client_id": str(uuid.uuid4())}, 400),
        ({"text": "a\x00b", "client_id": str(uuid.uuid4())}, 400),
        ({"text": "x" * 4_001, "client_id": str(uuid.uuid4())}, 413),
        ({}, 400),
    ],
)
def test_a_bad_reply_gets_a_clear_refusal(
    desk: Client, waiting: Conversation, form: dict[str, str], status: int
) -> None:
    desk.post(url_of("take", waiting))
    answer = desk.post(url_of("reply", waiting), form, headers=JSON)
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True)
    assert replies(waiting) == []


def test_a_reply_before_taking_is_refused(desk: Client, waiting: Conversation) -> None:
    form = {"text": "Hello", "client_id": str(uuid.uuid4())}
    answer = desk.post(url_of("reply", waiting), form, headers=JSON)
    assert answer.status_code == 409
    assert answer.json()["detail"] == "Take the conversation first."


@pytest.mark.django_db(transaction=True)
def test_a_locked_conversation_is_reported_as_busy(
    desk: Client, waiting: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("lock timeout")

    monkeypatch.setattr(actions, "TAKE", actions.Action(refuse, ""))
    answer = desk.post(url_of("take", waiting), headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "lock" not in answer.json()["detail"]
