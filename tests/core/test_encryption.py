"""Fields are encrypted with keys that can be rotated."""

import os
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from core.encryption import Undecipherable, decrypt, encrypt

SECRET = "The customer's number is +44 7700 900123 ☎"


def test_encrypt_when_read_back() -> None:
    sealed = encrypt(SECRET)

    assert decrypt(sealed) == SECRET
    assert "7700" not in sealed
    assert sealed.isascii()
    assert encrypt(SECRET) != sealed


def test_decrypt_when_a_new_key_came_first(settings: Settings) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    sealed = encrypt(SECRET)
    settings.FIELD_ENCRYPTION_KEYS = [new, old]

    assert decrypt(sealed) == SECRET
    assert Fernet(new).decrypt(encrypt(SECRET).encode()).decode() == SECRET


def test_decrypt_when_keys_were_configured_later(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    sealed = encrypt(SECRET)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert decrypt(sealed) == SECRET


def test_decrypt_when_the_secret_key_was_replaced(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []
    sealed = encrypt(SECRET)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another secret key of some length"

    assert decrypt(sealed) == SECRET


@pytest.mark.parametrize("damage", ["", "x", "gAAAAA", "☎"])
def test_decrypt_when_damaged(damage: str) -> None:
    with pytest.raises(Undecipherable):
        decrypt(damage)


def test_decrypt_when_the_key_is_gone(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    sealed = encrypt(SECRET)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(Undecipherable):
        decrypt(sealed)


def test_encrypt_when_a_key_is_malformed(settings: Settings) -> None:
    settings.FIELD_ENCRYPTION_KEYS = ["short"]

    with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS"):
        encrypt(SECRET)


def test_start_when_a_key_is_malformed() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env=os.environ | {"FIELD_ENCRYPTION_KEYS": "short"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "FIELD_ENCRYPTION_KEYS" in done.stderr
    assert "short" not in done.stderr.splitlines()[-1]
