"""The HTTP side: sessions, messages, ratings, the frame and the embed script."""

import gzip
import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from conversations.models import Conversation, Episode, Message, Site
from conversations.services import append_message, lock_conversation, start_conversation
from widget.identity import sign

pytestmark = pytest.mark.django_db
ORIGIN = "https://shop.example.com"
STATIC = Path(django_settings.BASE_DIR) / "static" / "widget"


def post(client: Client, path: str, body: object, **headers: str) -> Any:
    return client.post(path, json.dumps(body), content_type="application/json", headers=headers)


def open_session(client: Client, **fields: object) -> Any:
    return post(client, "/api/v1/sessions", {"site": "shop", **fields}, Origin=ORIGIN)


def bearer(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **headers}


def test_session_is_started_and_resumed_with_the_same_token(client: Client, site: Site) -> None:
    first = open_session(client, page_url="https://shop.example.com/a", locale="de")
    assert first.status_code == 201
    again = open_session(client, token=first.json()["token"])
    assert again.json()["token"] == first.json()["token"]
    assert again.json()["conversation"] == first.json()["conversation"]
    assert Conversation.objects.count() == 1
    assert first["Access-Control-Allow-Origin"] == ORIGIN


def test_conversations_of_a_slash_64_are_known_to_be_of_one_network(
    client: Client, site: Site
) -> None:
    for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:3::1"):
        client.post(
            "/api/v1/sessions",
            json.dumps({"site": "shop"}),
            content_type="application/json",
            REMOTE_ADDR=address,
        )
    one, same, other = Conversation.objects.order_by("pk").values_list("network", flat=True)
    assert one == same != other
    assert "2001" not in one


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ORIGIN + ".evil.example"])
def test_session_when_the_origin_is_foreign_is_forbidden(
    client: Client, site: Site, origin: str
) -> None:
    answer = post(client, "/api/v1/sessions", {"site": "shop"}, Origin=origin)
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "forbidden"
    assert "Access-Control-Allow-Origin" not in answer


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"site": "nowhere"}, 403),
        ({"site": 7}, 403),
        ({}, 403),
        ([], 400),
        ("x", 400),
        ({"site": "shop", "token": "y" * 43}, 401),
        ({"site": "shop", "token": 7}, 400),
        ({"site": "shop", "customer": "me"}, 400),
        ({"site": "shop", "page_url": "x" * 2001}, 413),
    ],
)
def test_session_when_the_body_is_bad_says_so(
    client: Client, site: Site, body: object, status: int
) -> None:
    answer = post(client, "/api/v1/sessions", body, Origin=ORIGIN)
    assert answer.status_code == status
    assert set(answer.json()) == {"type", "title", "status", "detail", "code"}


def test_session_body_that_is_no_json_or_too_large_is_refused(client: Client, site: Site) -> None:
    for data, status in (
        ("{", 400),
        ("[" * 60_000, 400),
        ("x" * 65_537, 413),
        ("x" * 2_000_000, 413),
    ):
        answer = client.post("/api/v1/sessions", data, content_type="application/json")
        assert answer.status_code == status


def test_session_when_the_conversation_ended_long_ago_starts_a_new_one(
    client: Client, site: Site
) -> None:
    first = open_session(client).json()
    Conversation.objects.update(status="resolved", resolved_at=timezone.now() - timedelta(hours=73))
    second = open_session(client, token=first["token"]).json()
    assert second["conversation"] != first["conversation"]
    one, two = Conversation.objects.order_by("pk")
    assert one.customer_id == two.customer_id


def signed(site: Site, external_id: str) -> dict[str, object]:
    expires = int(timezone.now().timestamp()) + 600
    customer: dict[str, object] = {"external_id": external_id, "name": "Mia", "expires": expires}
    return {**customer, "signature": sign(customer, secret=site.secret)}


def test_session_of_another_signed_customer_never_resumes_somebody_elses_chat(
    client: Client, site: Site
) -> None:
    mia = open_session(client, customer=signed(site, "1")).json()
    eve = open_session(client, customer=signed(site, "2"), token=mia["token"]).json()
    assert eve["conversation"] != mia["conversation"]
    assert eve["token"] != mia["token"]


def test_session_that_signs_in_later_keeps_the_conversation(client: Client, site: Site) -> None:
    anonymous = open_session(client).json()
    later = open_session(client, customer=signed(site, "1"), token=anonymous["token"]).json()
    assert later["conversation"] == anonymous["conversation"]
    assert Conversation.objects.get().customer.is_verified


def end_long_ago() -> None:
    Conversation.objects.update(status="resolved", resolved_at=timezone.now() - timedelta(hours=73))


def test_old_token_begins_nothing_as_the_customer_who_was_signed_in(
    client: Client, site: Site
) -> None:
    mia = open_session(client, customer=signed(site, "1")).json()
    end_long_ago()
    open_session(client, token=mia["token"])
    first, second = Conversation.objects.order_by("pk")
    assert first.customer.is_verified
    assert not second.customer.is_verified
    open_session(client, token=mia["token"], customer=signed(site, "1"))
    assert Conversation.objects.latest("pk").customer == first.customer


def test_who_signs_in_after_an_old_anonymous_chat_is_known(client: Client, site: Site) -> None:
    anonymous = open_session(client).json()
    end_long_ago()
    open_session(client, token=anonymous["token"], customer=signed(site, "1"))
    first, second = Conversation.objects.order_by("pk")
    assert not first.customer.is_verified
    assert second.customer.external_id == "1"
    assert second.is_vouched_for


def test_messages_are_posted_once_and_listed_in_order(client: Client, site: Site) -> None:
    session = open_session(client).json()
    path = f"/api/v1/conversations/{session['conversation']}/messages"
    headers = bearer(session["token"])
    body = {"client_id": str(uuid.uuid4()), "text": "<b>Hello</b>"}
    first = post(client, path, body, **headers)
    second = post(client, path, body, **headers)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    post(client, path, {"client_id": str(uuid.uuid4()), "text": "Two"}, **headers)
    listed = client.get(path, {"after": "1", "limit": "10"}, headers=headers).json()
    assert [one["text"] for one in listed["messages"]] == ["Two"]
    assert (listed["last_seq"], listed["status"]) == (2, "assistant")
    assert "<b>" not in first.json()["html"]


def test_conversation_of_another_token_does_not_exist(client: Client, site: Site) -> None:
    mine, other = open_session(client).json(), open_session(client).json()
    for path in ("messages", "rating"):
        url = f"/api/v1/conversations/{other['conversation']}/{path}"
        answer = post(client, url, {"score": 5}, **bearer(mine["token"]))
        assert answer.status_code == 404
        assert post(client, url, {"score": 5}).status_code == 401
        assert (
            post(client, url, {"score": 5}, **bearer(other["token"], Origin="https://evil.example"))
        ).status_code == 403


@pytest.mark.parametrize(
    "query", [{"after": "-1"}, {"after": "x"}, {"limit": "1e9"}, {"after": "²"}]
)
def test_messages_when_the_query_is_bad_says_so(
    client: Client, site: Site, query: dict[str, str]
) -> None:
    session = open_session(client).json()
    path = f"/api/v1/conversations/{session['conversation']}/messages"
    assert client.get(path, query, headers=bearer(session["token"])).status_code == 400


def test_rating_is_stored_once(client: Client, site: Site) -> None:
    conversation, token = start_conversation(site)
    url = f"/api/v1/conversations/{conversation.public_id}/rating"
    assert post(client, url, {"score": 5}, **bearer(token)).status_code == 409
    Conversation.objects.update(status="resolved", resolved_at=timezone.now())
    Episode.objects.update(resolved_at=timezone.now())
    assert post(client, url, {"score": 9}, **bearer(token)).status_code == 400
    assert post(client, url, {"score": 5, "comment": "Good"}, **bearer(token)).status_code == 200
    assert post(client, url, {"score": 1}, **bearer(token)).status_code == 409


def test_page_of_long_messages_ends_at_a_size(client: Client, site: Site) -> None:
    conversation, token = start_conversation(site)
    with transaction.atomic():
        locked = lock_conversation(conversation.pk)
        for _ in range(30):
            append_message(locked, author_kind=Message.Author.ASSISTANT, text="word " * 600)
    url = f"/api/v1/conversations/{conversation.public_id}/messages"

    def seqs(**query: int) -> list[int]:
        answer = client.get(url, query, headers=bearer(token)).json()
        assert answer["last_seq"] == 30
        return [one["seq"] for one in answer["messages"]]

    assert seqs() == list(range(1, 11))
    assert seqs(after=10) == list(range(11, 21))
    assert seqs(after=10, limit=3) == [11, 12, 13]
    assert seqs(after=26) == [27, 28, 29, 30]


def test_readings_of_an_address_are_limited(client: Client, site: Site, settings: Settings) -> None:
    settings.READINGS_A_MINUTE_PER_ADDRESS = 2
    statuses = []
    for _ in range(3):
        conversation, token = start_conversation(site)
        url = f"/api/v1/conversations/{conversation.public_id}/messages"
        statuses.append(client.get(url, headers=bearer(token)).status_code)
    assert statuses == [200, 200, 429]


def test_method_that_is_not_offered_is_a_problem(client: Client, site: Site) -> None:
    answer = client.get("/api/v1/sessions")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_sessions_past_the_rate_say_when_to_come_back(
    client: Client, site: Site, settings: Settings
) -> None:
    settings.SESSIONS_A_MINUTE_PER_ADDRESS = 1
    open_session(client)
    answer = open_session(client)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1


def test_requests_of_foreign_pages_lock_nobody_out(
    client: Client, site: Site, settings: Settings
) -> None:
    settings.SESSIONS_A_MINUTE_PER_ADDRESS = 1
    for origin, body in (("https://evil.example", {"site": "shop"}), ("null", {"site": "no"})):
        assert post(client, "/api/v1/sessions", body, Origin=origin).status_code == 403
        assert post(client, "/api/v1/sessions", [], Origin=origin).status_code == 400
    assert open_session(client).status_code == 201


def test_who_comes_back_uses_up_nothing_of_their_address(
    client: Client, site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SESSIONS_A_MINUTE_PER_ADDRESS = 2
    monkeypatch.setattr("widget.limits.RESUMES_A_MINUTE", 3)
    token = open_session(client).json()["token"]
    statuses = [open_session(client, token=token).status_code for _ in range(4)]
    assert statuses == [201, 201, 201, 429]
    assert open_session(client).status_code == 201


def test_guesses_at_tokens_are_counted_by_address(
    client: Client, site: Site, settings: Settings
) -> None:
    settings.SESSIONS_A_MINUTE_PER_ADDRESS = 2
    statuses = [open_session(client, token="y" * 43).status_code for _ in range(3)]
    assert statuses == [401, 401, 429]


@pytest.mark.parametrize(("path", "limit"), [("messages", "READINGS"), ("rating", "ACTIONS")])
def test_conversation_past_a_rate_says_when_to_come_back(
    client: Client, site: Site, monkeypatch: pytest.MonkeyPatch, path: str, limit: str
) -> None:
    module = "limits" if path == "messages" else "api"
    monkeypatch.setattr(f"widget.{module}.{limit}_A_MINUTE", 1)
    session = open_session(client).json()
    url = f"/api/v1/conversations/{session['conversation']}/{path}"
    headers = bearer(session["token"])

    def ask() -> Any:
        if path == "messages":
            return client.get(url, headers=headers)
        return post(client, url, {"score": 5}, **headers)

    assert ask().status_code != 429
    answer = ask()
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) >= 1


def test_frame_may_be_framed_by_the_sites_origins_only(client: Client, site: Site) -> None:
    answer = client.get("/widget/frame/", {"site": "shop", "origin": ORIGIN})
    policy = answer["Content-Security-Policy"]
    ancestors = next(one for one in policy.split(";") if "frame-ancestors" in one)
    assert ancestors.split() == ["frame-ancestors", "'self'", "http://testserver", ORIGIN]
    assert "X-Frame-Options" not in answer
    assert "unsafe" not in policy
    for query in (
        {"site": "shop", "origin": "https://evil.example"},
        {"site": "nowhere", "origin": ORIGIN},
        {"site": "shop"},
    ):
        assert client.get("/widget/frame/", query).status_code == 403


def test_frame_escapes_what_it_draws(client: Client, site: Site) -> None:
    Site.objects.update(name="<script>alert(1)</script>", greeting='"><img src=x>')
    page = client.get(
        "/widget/frame/", {"site": "shop", "origin": ORIGIN, "locale": '"><script>'}
    ).content.decode()
    assert "<script>alert" not in page
    assert "<img" not in page
    assert '"><script>' not in page


def test_embed_script_is_served_for_other_origins(client: Client) -> None:
    answer = client.get("/widget.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"


def test_look_is_public_and_says_the_colour_only(client: Client, site: Site) -> None:
    answer = client.get("/widget/look/shop")
    assert answer.json() == {"accent": site.accent}
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert client.get("/widget/look/nowhere").status_code == 403


def test_sizes_of_what_a_page_loads() -> None:
    """Papercups' loader is 7.6 kB, Chatwoot's widget 170: ours stay below 10 and 60."""
    loader = len(gzip.compress((STATIC / "loader.js").read_bytes()))
    files = [*STATIC.glob("*.js"), *STATIC.glob("*.css")]
    files.append(STATIC.parent / "shared" / "storage.js")
    whole = sum(len(gzip.compress(path.read_bytes())) for path in files)
    assert loader < 10_000
    assert whole < 60_000


def test_openapi_document_names_every_address_and_describes_a_session(
    client: Client, site: Site
) -> None:
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    served = {"/api/v1/sessions", "/api/v1/conversations/{id}/messages", "/widget.js", "/healthz"}
    assert served <= set(document["paths"])
    session = document["components"]["schemas"]["Session"]
    jsonschema.validate(
        open_session(client).json(), {**session, "components": document["components"]}
    )
