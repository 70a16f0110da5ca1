"""The time until a turn's end is one figure: in the product, in the oracle and in the docs."""

from pathlib import Path

from django.conf import settings

from assistant import claims
from tests.chaos import oracle


def test_oracle_and_docs_have_the_products_deadline() -> None:
    promise = Path(settings.BASE_DIR, "docs/architecture.md").read_text(encoding="utf-8")
    left = oracle.PROMISED_SECONDS - claims.DEADLINE_SECONDS
    assert oracle.DEADLINE_SECONDS == claims.DEADLINE_SECONDS
    assert f"Within {oracle.PROMISED_SECONDS} s of its turn" in promise
    assert f"The turn has {claims.DEADLINE_SECONDS} s;" in promise
    assert f"and {left} s are left for a relay" in promise
