"""Guessed passwords are counted by the guesser's network."""

import pytest
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db
LOG_IN = "/admin/login/"


def log_in(password: str, *, address: str) -> int:
    """Return the status of one try to log in as Ana."""
    fields = {"username": "ana", "password": password}
    return Client().post(LOG_IN, fields, REMOTE_ADDR=address).status_code


def guess(addresses: list[str]) -> None:
    for address in addresses:
        log_in("a guess", address=address)


def test_guesses_from_all_over_a_slash_64_lock_it_out(agent: User) -> None:
    guess([f"2001:db8:1:2::{number}" for number in range(1, 11)])
    assert log_in("ana", address="2001:db8:1:2::ffff") == 429
    assert log_in("ana", address="2001:db8:1:3::1") == 302


def test_guesses_from_one_ipv4_address_lock_only_that_one_out(agent: User) -> None:
    guess(["192.0.2.1"] * 10)
    assert log_in("ana", address="192.0.2.1") == 429
    assert log_in("ana", address="192.0.2.2") == 302


def test_guesses_from_no_address_count_as_one_network(agent: User) -> None:
    guess([""] * 10)
    assert log_in("ana", address="") == 429
