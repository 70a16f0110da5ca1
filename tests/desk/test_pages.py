"""What the queue and the conversation page show, and what they must never show."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from assistant.models import Turn
from assistant.services import resolve_by_agent, send_agent_reply, take_conversation
from conversations import services as record
from conversations.models import Conversation, Customer, Message, Site
from desk.console import safe_url
from escalation.models import HandOff
from tests.conftest import make_user
from tests.desk.conftest import browser_of, make_waiting, url_of

pytestmark = pytest.mark.django_db
QUEUE = "/admin/escalation/handoff/"
PAYLOADS = (
    "<script>window.hit=1</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "{{ 7|add:7 }}<b>x</b>",
)


def rows(page: str) -> list[str]:
    return re.findall(r'data-news="([^:"]+):', page)


def say(conversation: Conversation, text: str, **fields: object) -> Message:
    with transaction.atomic():
        locked = record.lock_conversation(conversation.pk)
        return record.append_message(
            locked, author_kind=Message.Author.ASSISTANT, text=text, **fields
        )


def test_the_queue_is_ordered_by_urgency_then_age(desk: Client, site: Site) -> None:
    for name, urgency, minutes in (("Late", 3, 1), ("Old", 3, 50), ("Grave", 1, 0), ("High", 2, 2)):
        conversation = make_waiting(site, name=name)
        HandOff.objects.filter(conversation=conversation).update(
            urgency=urgency, created_at=timezone.now() - timedelta(minutes=minutes)
        )
    page = desk.get(QUEUE).content.decode()
    assert rows(page) == ["Grave", "High", "Old", "Late"]
    assert "(4) Queue" in page


def test_a_row_tells_what_the_customer_said_last(desk: Client, site: Site) -> None:
    make_waiting(site, name="Jonas", text="The seam is torn")
    fragment = desk.get(f"{QUEUE}fragment/").content.decode()
    assert "The seam is torn" in fragment
    assert "1 message<" in fragment
    assert "<html" not in fragment


def test_my_own_conversations_come_first_among_the_held(
    desk: Client, agent: User, other_agent: User, site: Site
) -> None:
    theirs, mine = make_waiting(site, name="Theirs"), make_waiting(site, name="Mine")
    take_conversation(theirs.pk, agent=other_agent)
    take_conversation(mine.pk, agent=agent)
    page = desk.get(QUEUE).content.decode()
    assert page.index("Mine") < page.index("Theirs")
    assert rows(page) == []
    assert page.count("Needs a reply") == 2


def test_availability_is_kept(desk: Client, agent: User) -> None:
    address = reverse("admin:desk_availability")
    assert 'aria-checked="true">I' in desk.get(QUEUE).content.decode()
    desk.post(address, {"available": "off"})
    assert 'aria-checked="false">I' in desk.get(QUEUE).content.decode()
    desk.post(address, {"available": "on"})
    agent.refresh_from_db()
    assert agent.agent.is_available


def test_the_controls_have_their_names(desk: Client, waiting: Conversation) -> None:
    before = desk.get(url_of("conversation", waiting)).content.decode()
    assert re.findall(r">(Take|Send|Hand back to assistant|Resolve)</button>", before) == [
        "Take",
        "Send",
    ]
    desk.post(url_of("take", waiting))
    after = desk.get(url_of("conversation", waiting)).content.decode()
    assert re.findall(r">(Take|Send|Hand back to assistant|Resolve)</button>", after) == [
        "Hand back to assistant",
        "Resolve",
        "Send",
    ]
    assert '<label for="reply">Reply</label>' in after


def test_nothing_that_people_or_models_wrote_becomes_markup(desk: Client, site: Site) -> None:
    for payload in PAYLOADS:
        conversation = make_waiting(site, name=payload, text=payload)
        Customer.objects.filter(pk=conversation.customer_id).update(
            email=payload, external_id=payload, attributes={payload: payload}
        )
        Conversation.objects.filter(pk=conversation.pk).update(
            page_url=payload, locale=payload[:12]
        )
        HandOff.objects.filter(conversation=conversation).update(detail=payload)
        message = say(
            conversation,
            f"{payload} [click]({payload}) ![i](https://evil.example/i.png)",
            citations=[{"title": payload, "url": payload, "quote": payload}],
            author_name=payload,
        )
        Turn.objects.filter(conversation=conversation).update(message=message, state="done")
        for address in (
            QUEUE,
            f"{QUEUE}fragment/",
            url_of("conversation", conversation),
            url_of("conversation_fragment", conversation),
            "/admin/conversations/conversation/",
        ):
            page = desk.get(address).content.decode()
            assert "<script>window" not in page, address
            assert "<img src=x" not in page, address
            assert 'evil.example/i.png"' not in page, address
            assert not re.search(r'(href|src)="\s*javascript', page, re.I), address
            assert ">14<" not in page, address


def test_no_page_holds_inline_code_or_styles(desk: Client, waiting: Conversation) -> None:
    for address in (QUEUE, url_of("conversation", waiting)):
        page = desk.get(address).content.decode()
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", page), address


def test_an_unsigned_name_is_never_shown_as_verified(desk: Client, waiting: Conversation) -> None:
    page = desk.get(url_of("conversation", waiting)).content.decode()
    assert ">unverified<" in page
    assert ">verified<" not in page
    sign_in(waiting, minutes=10)
    assert ">verified<" in desk.get(url_of("conversation", waiting)).content.decode()


def sign_in(conversation: Conversation, *, minutes: int) -> None:
    """Let the site vouch for the customer until so many minutes from now."""
    Customer.objects.filter(pk=conversation.customer_id).update(is_verified=True)
    Conversation.objects.filter(pk=conversation.pk).update(
        identity_expires_at=timezone.now() + timedelta(minutes=minutes)
    )


def test_who_was_signed_in_once_is_not_shown_as_verified_now(
    desk: Client, waiting: Conversation
) -> None:
    sign_in(waiting, minutes=-10)
    page = desk.get(url_of("conversation", waiting)).content.decode()
    assert ">verified<" not in page
    assert "not now: whoever writes may be somebody else" in page
    assert page.count("not signed in now") == 1
    assert "not signed in now" in desk.get(QUEUE).content.decode()
    Conversation.objects.filter(pk=waiting.pk).update(identity_expires_at=None)
    page = desk.get(url_of("conversation", waiting)).content.decode()
    assert ">verified<" not in page
    assert "Signed in before, not now" in page


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example.com/a", True),
        ("/help/returns/", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        ("//evil.example/x", False),
        ("data:text/html,x", False),
        ("http://[broken", False),
        ("", False),
    ],
)
def test_only_web_addresses_and_own_paths_become_links(url: str, *, kept: bool) -> None:
    assert bool(safe_url(url)) == kept


def test_the_fragment_holds_the_messages_past_a_number(desk: Client, waiting: Conversation) -> None:
    say(waiting, "One more thing")
    waiting.refresh_from_db()
    address = url_of("conversation_fragment", waiting)
    part = desk.get(f"{address}?after={waiting.last_seq - 1}").content.decode()
    assert re.findall(r'data-line="(\d+)"', part) == [str(waiting.last_seq)]
    for nonsense in ("x", "-1", "9" * 30, "²", "9999999999"):
        assert desk.get(address, {"after": nonsense}).status_code == 200


def test_a_long_conversation_opens_at_its_end_and_can_be_shown_whole(
    desk: Client, waiting: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.console.SHOWN", 3)
    for number in range(5):
        say(waiting, f"Line {number}")
    address = url_of("conversation", waiting)
    page = desk.get(address).content.decode()
    assert re.findall(r"Line \d", page) == ["Line 2", "Line 3", "Line 4"]
    assert "Show all 7 messages" in page
    assert "Line 0" in desk.get(f"{address}?whole=1").content.decode()


def test_confidence_thumbs_and_rating_are_shown(
    desk: Client, agent: User, waiting: Conversation
) -> None:
    answer = say(waiting, "In **two** days", is_answer=True)
    Turn.objects.filter(conversation=waiting).update(message=answer, state="done", confidence=0.625)
    record.set_helpful(waiting.pk, message_id=answer.public_id, helpful=False)
    take_conversation(waiting.pk, agent=agent)
    resolve_by_agent(waiting.pk, agent=agent)
    record.rate_conversation(waiting.pk, score=2, comment="Slow")
    page = desk.get(url_of("conversation", waiting)).content.decode()
    for text in ("confidence 0.63", "Did not help", "2 of 5", "Slow", "<strong>two</strong>"):
        assert text in page


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (HandOff.Reason.LOW_CONFIDENCE, ["0.31"]),
        (HandOff.Reason.ASKED_FOR_PERSON, []),
        (HandOff.Reason.FLAGGED, []),
    ],
)
def test_confidence_stands_by_the_reason_only_where_it_is_the_reason(
    desk: Client, waiting: Conversation, reason: HandOff.Reason, shown: list[str]
) -> None:
    HandOff.objects.filter(conversation=waiting).update(reason=reason)
    Turn.objects.filter(conversation=waiting).update(
        state="done", confidence=0.31, hand_off_reason=reason
    )
    Turn.objects.create(
        conversation=waiting, state="done", confidence=0.97, from_seq=2, holder_epoch=2
    )
    page = desk.get(url_of("conversation", waiting)).content.decode()
    assert re.findall(r"<dt>Confidence</dt>\s*<dd>\s*([\d.]+)", page) == shown


def test_times_read_alike_in_the_desk_and_the_lists(desk: Client, waiting: Conversation) -> None:
    at = datetime(2026, 9, 3, 14, 5, tzinfo=UTC)
    Message.objects.filter(conversation=waiting).update(created_at=at)
    Conversation.objects.update(last_message_at=at)
    changelist = reverse("admin:conversations_conversation_changelist")
    for address in (url_of("conversation", waiting), changelist):
        assert "3 Sep 2026, 14:05" in desk.get(address).content.decode()


def test_search_finds_names_and_words_and_leads_to_the_page(desk: Client, site: Site) -> None:
    wanted = make_waiting(site, name="Zora", text="The zipper broke")
    make_waiting(site, name="Nils", text="Something else")
    for words in ("zora", "zipper"):
        page = desk.get("/admin/conversations/conversation/", {"q": words}).content.decode()
        assert "Zora" in page
        assert "Nils" not in page
        assert url_of("conversation", wanted) in page
    row = desk.get(f"/admin/conversations/conversation/{wanted.pk}/change/")
    assert row["Location"] == url_of("conversation", wanted)


def test_the_site_page_never_shows_the_secret_and_takes_lists_by_line(site: Site) -> None:
    manager = browser_of(make_user("mia", role="manager"))
    address = f"/admin/conversations/site/{site.pk}/change/"
    page = manager.get(address)
    assert site.secret not in page.content.decode()
    form = {
        name: "" if value is None else value
        for name, value in page.context["adminform"].form.initial.items()
    }
    lines = "Hello, there?\r\n\r\n Returns \r\n"
    saved = manager.post(
        address, {**form, "allowed_origins": "", "link_hosts": "", "suggestions": lines}
    )
    assert saved.status_code == 302
    site.refresh_from_db()
    assert site.suggestions == ["Hello, there?", "Returns"]


def test_the_index_leads_to_the_queue(desk: Client) -> None:
    page = desk.get("/admin/").content.decode()
    assert f'class="desk-door" href="{QUEUE}"' in page
    assert "/admin/reports/" not in page
    assert "/admin/assistant/prompts/" not in page
    manager = browser_of(make_user("mia", role="manager"))
    managers_page = manager.get("/admin/").content.decode()
    assert "/admin/reports/" in managers_page
    assert 'class="desk-door" href="/admin/assistant/prompts/"' in managers_page


def test_reason_that_says_itself_is_shown_once(desk: Client, waiting: Conversation) -> None:
    HandOff.objects.filter(conversation=waiting).update(
        reason=HandOff.Reason.NEGATIVE_SENTIMENT, detail="Upset customer"
    )
    fragment = desk.get(f"{QUEUE}fragment/").content.decode()
    shown = re.sub(r'data-news="[^"]*"', "", fragment)
    assert shown.count("Upset customer") == 1
    side = desk.get(url_of("conversation", waiting)).content.decode().split('id="reason-title"')[1]
    assert side.count("Upset customer") == 1


@pytest.mark.parametrize("is_verified", [True, False])
def test_what_a_visitor_claims_is_marked_wherever_it_is_shown(
    desk: Client, waiting: Conversation, is_verified: bool
) -> None:
    Customer.objects.filter(pk=waiting.customer_id).update(
        email="vip@example.com", attributes={"plan": "Platinum"}
    )
    if is_verified:
        sign_in(waiting, minutes=10)
    page = desk.get(url_of("conversation", waiting)).content.decode()
    side = page.split('id="customer-title"')[1]
    assert side.count(">claimed<") == (0 if is_verified else 3)
    assert ("Nothing below is verified" in side) is not is_verified
    assert (">verified<" in page) is is_verified
    assert (">unverified<" in desk.get(QUEUE).content.decode()) is not is_verified


def test_reply_box_is_open_to_the_holder_only(
    desk: Client, other_desk: Client, waiting: Conversation, agent: User
) -> None:
    def box(client: Client) -> tuple[str, str]:
        page = client.get(url_of("conversation", waiting)).content.decode()
        found = re.search(r"<textarea[^>]*>", page)
        hint = re.search(r'id="reply-hint"[^>]*>([^<]*)<', page)
        assert found
        assert hint
        return "disabled" if " disabled" in found[0] else "open", hint[1].split(".")[0].strip()

    assert box(desk) == ("disabled", "You can't reply yet: take the conversation first")
    take_conversation(waiting.pk, agent=agent)
    assert box(desk) == ("open", "The customer reads it here, at once or when they are back")
    assert box(other_desk) == ("disabled", "You can't reply: Ana holds this conversation")


def test_keys_are_those_that_do_something(desk: Client, waiting: Conversation, agent: User) -> None:
    def keys() -> list[str]:
        page = desk.get(url_of("conversation_fragment", waiting)).content.decode()
        return re.findall(r"<kbd>(\w+)</kbd>", page.split('id="keys"')[1])

    assert keys() == ["t", "q"]
    take_conversation(waiting.pk, agent=agent)
    assert keys() == ["Ctrl", "Enter", "r", "Shift", "e", "q"]
    resolve_by_agent(waiting.pk, agent=agent)
    assert keys() == ["q"]


@pytest.mark.parametrize("key", ["", "sk-local"])
def test_translation_is_offered_where_there_is_a_model(
    desk: Client, waiting: Conversation, settings: Settings, key: str
) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_API_KEY_FILE = key, ""
    page = desk.get(url_of("conversation", waiting)).content.decode()
    assert ('data-help="translation"' in page) is bool(key)
    assert 'data-help="summary"' in page


def test_hand_back_says_what_becomes_of_a_message_without_a_reply(
    desk: Client, waiting: Conversation, agent: User
) -> None:
    take_conversation(waiting.pk, agent=agent)
    assert "hand-back-hint" in desk.get(url_of("conversation", waiting)).content.decode()
    send_agent_reply(waiting.pk, agent=agent, text="It is on its way.")
    assert "hand-back-hint" not in desk.get(url_of("conversation", waiting)).content.decode()
