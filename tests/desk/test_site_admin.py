"""The site's page in the admin: room to write, and what a manager decides about answers."""

import re

import pytest
from django.test import Client

from conversations.models import Site
from tests.conftest import make_user
from tests.desk.conftest import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(site: Site) -> Client:
    """Max's browser."""
    return browser_of(make_user("max", role="manager"))


def save(client: Client, site: Site, **changes: str) -> str:
    """Send the site's form with some fields changed; return the page if it was refused."""
    address = f"/admin/conversations/site/{site.pk}/change/"
    form = client.get(address).context["adminform"].form
    fields = {name: form[name].value() for name in form.fields}
    fields |= {name: "\n".join(value) for name, value in fields.items() if isinstance(value, list)}
    sent = {name: value for name, value in fields.items() if value not in (None, False)}
    response = client.post(address, sent | changes)
    site.refresh_from_db()
    return "" if response.status_code == 302 else response.content.decode()


def test_manager_sets_how_sure_answers_must_be(manager: Client, site: Site) -> None:
    assert not save(
        manager, site, wrong_answer_target="0.1", answer_threshold="", embedding_model=""
    )
    assert (site.wrong_answer_target, site.answer_threshold, site.embedding_model) == (
        0.1,
        None,
        "",
    )
    assert not save(manager, site, answer_threshold="0.4")
    assert site.answer_threshold == 0.4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wrong_answer_target", "0.9"),
        ("wrong_answer_target", "0"),
        ("answer_threshold", "1.1"),
        ("embedding_model", "another"),
        ("accent", "red"),
        ("allowed_origins", "https://*.example.com"),
        ("locale", "xx"),
    ],
)
def test_what_makes_no_sense_is_refused(manager: Client, site: Site, name: str, value: str) -> None:
    before = getattr(site, name)
    assert "Please correct the error below." in save(manager, site, **{name: value})
    assert getattr(site, name) == before


def test_lists_are_written_one_a_line(manager: Client, site: Site) -> None:
    lines = {"suggestions": "Returns, how?\nShipping", "allowed_origins": "https://a.example\n"}
    assert not save(manager, site, **lines)
    assert site.suggestions == ["Returns, how?", "Shipping"]
    assert site.allowed_origins == ["https://a.example"]


def test_colour_is_typed_or_picked_and_sent_once(manager: Client, site: Site) -> None:
    page = manager.get(f"/admin/conversations/site/{site.pk}/change/").content.decode()
    picker = re.search(r'<input type="color"[^>]*>', page)
    assert picker
    assert 'value="#1f6f5c"' in picker[0]
    assert 'data-colour-of="id_accent"' in picker[0]
    assert " name=" not in picker[0]
    assert not save(manager, site, accent="#112233")
    assert site.accent == "#112233"


def test_language_of_its_own_is_kept(manager: Client, site: Site) -> None:
    Site.objects.filter(pk=site.pk).update(locale="gsw")
    assert not save(manager, site, greeting="Gr\u00fcezi!")
    assert (site.locale, site.greeting) == ("gsw", "Gr\u00fcezi!")
