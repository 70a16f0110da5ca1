"""Nobody who waits is hidden, however many do."""

import re

import pytest
from django.test import Client

from conversations.models import Site
from tests.desk.conftest import make_waiting

pytestmark = pytest.mark.django_db
QUEUE = "/admin/escalation/handoff/"


@pytest.fixture(autouse=True)
def _three_who_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.queue.SHOWN", 2)
    for name in ("Ada", "Bea", "Cem"):
        make_waiting(site, name=name)


def names(page: str) -> list[str]:
    return re.findall(r'data-news="([^:"]+):', page)


def test_the_next_page_has_those_who_came_later(desk: Client) -> None:
    first = desk.get(QUEUE).content.decode()
    assert names(first) == ["Ada", "Bea"]
    assert "1 to 2 of 3" in first
    [address] = re.findall(r'<a href="([^"]+)" rel="next"', first)
    second = desk.get(address).content.decode()
    assert names(second) == ["Cem"]
    assert 'rel="next"' not in second
    assert 'rel="prev"' in second
    # The title counts all of them on each.
    assert "(3) Queue" in second


def test_what_keeps_a_page_fresh_is_of_that_page(desk: Client) -> None:
    page = desk.get(f"{QUEUE}?page=2").content.decode()
    [address] = re.findall(r'data-fragments="([^"]+)"', page)
    fragment = desk.get(address).content.decode()
    assert names(fragment) == ["Cem"]
    assert 'data-page="2"' in fragment


@pytest.mark.parametrize("number", ["9", "0", "-1", "x", "", "9" * 400])
def test_a_page_that_is_not_there_is_one_that_is(desk: Client, number: str) -> None:
    assert names(desk.get(QUEUE, {"page": number}).content.decode())
