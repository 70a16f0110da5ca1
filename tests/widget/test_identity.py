"""Signed identity: what counts, and every way in which it does not."""

import pytest

from conversations.models import Site
from core.errors import BadInput, Forbidden, TooLong
from widget.identity import read_claim, sign

NOW = 1_800_000_000
SITE = Site(key="s", secret="s3cret")


def signed(**fields: object) -> dict[str, object]:
    customer = {"external_id": "42", "name": "Mia", "expires": NOW + 600, **fields}
    return {**customer, "signature": sign(customer, secret=SITE.secret)}


def test_read_claim_when_signed_is_verified() -> None:
    claim = read_claim(signed(), site=SITE, now=NOW)
    assert claim.is_verified
    assert claim.external_id == "42"


@pytest.mark.parametrize(
    "customer",
    [
        None,
        {},
        {"external_id": "42", "name": "Mia"},
        {**signed(), "name": "Eve"},
        {**signed(), "external_id": "1"},
        {**signed(), "signature": "0" * 64},
        {**signed(), "signature": None},
        signed(expires=NOW - 1),
        signed(expires=NOW + 86_401),
        signed(expires=str(NOW + 600)),
        signed(external_id=""),
        {**signed(), "extra": 1},
    ],
)
def test_read_claim_when_not_rightly_signed_is_anonymous(customer: object) -> None:
    claim = read_claim(customer, site=SITE, now=NOW)
    assert not claim.is_verified
    assert claim.external_id == ""
    with pytest.raises(Forbidden):
        read_claim(customer, site=Site(secret="s3cret", require_identity=True), now=NOW)


@pytest.mark.parametrize(
    "customer",
    [
        "x",
        7,
        [1],
        {"name": "a\x00"},
        {"email": "no"},
        {"attributes": "x"},
        {"name": 5},
        {"attributes": {"a": ["x"]}},
        {"attributes": {"a": 2**63}},
        {"attributes": {"a": -(2**63) - 1}},
    ],
)
def test_read_claim_when_malformed_is_refused(customer: object) -> None:
    with pytest.raises(BadInput):
        read_claim(customer, site=SITE, now=NOW)


def test_attributes_are_of_a_few_kilobytes_together() -> None:
    most = {f"a{number}": "x" * 300 for number in range(13)}
    claim = read_claim({"attributes": {**most, "size": 2**63 - 1}}, site=SITE, now=NOW)
    assert claim.attributes == {**most, "size": 2**63 - 1}
    for more in ({"b": "x" * 300}, {"b": "é" * 100}):
        with pytest.raises(TooLong, match="4 kB"):
            read_claim({"attributes": {**most, **more}}, site=SITE, now=NOW)
