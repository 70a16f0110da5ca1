"""The rules after an error, row by row: what the upstream says, and what is asked next."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_django import Settings

from llm.client import OpenAIEngine
from llm.errors import (
    ModelBadRequest,
    ModelContentFiltered,
    ModelContextTooLong,
    ModelDeadlineExceeded,
    ModelError,
    ModelKeyRejected,
    ModelNotFound,
    ModelQuotaExhausted,
    ModelRateLimited,
    ModelStreamBroken,
    ModelTruncated,
    ModelUnavailable,
)
from llm.recovery import RULES, NextStep, Recovery, choose_recovery, counts_as_outage
from tests.llm.conftest import MakeRequest, collect, join_text
from tests.upstream.server import UpstreamServer

ANSWER = "Parcels arrive in three days."
A1, A2, B1 = ("model-a", "key-one"), ("model-a", "key-two"), ("model-b", "key-one")


@dataclass(frozen=True, slots=True)
class Row:
    """What the upstream does, what is asked of it then, and how it ends; no error: answered."""

    cause: type[ModelError]
    mode: str
    asked: tuple[tuple[str, str], ...]
    error: type[ModelError] | None = None
    upstream: dict[str, Any] = field(default_factory=dict)
    seconds: float = 20.0


ROWS = [
    # network, time-out before the first token, 5xx: once more, then the next model
    Row(ModelUnavailable, "500", (A1, A1), upstream={"count": 1}),
    Row(ModelUnavailable, "500", (A1, A1, B1), upstream={"model": "model-a"}),
    Row(ModelUnavailable, "hang", (A1, A1), upstream={"count": 1}),
    Row(ModelUnavailable, "500", (A1, A1, B1, B1), ModelUnavailable),
    # no time for another try and an answer: the next model at once
    Row(ModelUnavailable, "500", (A1, B1), upstream={"model": "model-a"}, seconds=5.0),
    # 429: as Retry-After says, within the deadline
    Row(ModelRateLimited, "429_retry_after", (A1, A1), upstream={"count": 1, "retry_after": "0"}),
    Row(
        ModelRateLimited,
        "429_retry_after",
        (A1, B1),
        upstream={"model": "model-a", "retry_after": "600"},
    ),
    Row(ModelRateLimited, "429", (A1, A1, B1, B1), ModelRateLimited),
    # quota, 401: never again with this key
    Row(ModelQuotaExhausted, "quota", (A1, A2), upstream={"key": "key-one"}),
    Row(ModelQuotaExhausted, "quota", (A1, A2), ModelQuotaExhausted),
    Row(ModelKeyRejected, "401", (A1, A2), upstream={"key": "key-one"}),
    Row(ModelKeyRejected, "401", (A1, A2), ModelKeyRejected),
    Row(ModelNotFound, "404", (A1, B1), upstream={"model": "model-a"}),
    # 400: without what was refused; the same again would be refused again
    Row(ModelBadRequest, "stream", (A1, A1), upstream={"refuses": ["stream_options"]}),
    Row(ModelBadRequest, "400", (A1, A1), ModelBadRequest),
    # content filter, context length: the turn decides
    Row(ModelContentFiltered, "content_filter", (A1,), ModelContentFiltered),
    Row(ModelContextTooLong, "context_length", (A1,), ModelContextTooLong),
    # cut before the first token: once more; later nothing is repeated here
    Row(ModelStreamBroken, "cut", (A1, A1), upstream={"count": 1, "cut_after": 0}),
    Row(ModelStreamBroken, "cut", (A1,), ModelStreamBroken, upstream={"cut_after": 1}),
    Row(ModelDeadlineExceeded, "hang", (A1,), ModelDeadlineExceeded, seconds=0.3),
]


@pytest.fixture(autouse=True)
def _nothing_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the requests matter here."""
    monkeypatch.setattr("llm.client.store_refusal", lambda *_, **__: None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.mode}-{len(row.asked)}")
async def test_row(
    upstream: UpstreamServer,
    engine: OpenAIEngine,
    make_request: MakeRequest,
    settings: Settings,
    row: Row,
) -> None:
    settings.OPENAI_API_KEY = "key-one,key-two"
    settings.OPENAI_FIRST_TOKEN_SECONDS = 0.7
    upstream.behave(row.mode, **row.upstream)
    if row.error is None:
        assert join_text(await collect(engine, make_request(seconds=row.seconds))) == ANSWER
    else:
        with pytest.raises(row.error):
            await collect(engine, make_request(seconds=row.seconds))
    asked = [(one["body"]["model"], one["key"]) for one in upstream.requests]
    assert tuple(asked) == row.asked


def test_table_when_an_error_is_added_has_a_row_and_a_proof() -> None:
    kinds = set(ModelError.__subclasses__()) | {ModelNotFound}
    # Of whole replies only, which are not streamed.
    assert {rule.error for rule in RULES} == kinds | {ModelTruncated}
    assert {row.cause for row in ROWS} == kinds


def test_outage_when_the_upstream_answered_is_none() -> None:
    outages = {rule.error for rule in RULES if counts_as_outage(rule.error())}
    assert outages == {ModelUnavailable, ModelStreamBroken}


def test_wait_when_the_upstream_names_none_is_spread() -> None:
    recovery = choose_recovery(ModelRateLimited(), retried=False, remaining=60)
    assert recovery.step is NextStep.RETRY
    assert 0 < recovery.wait[0] < recovery.wait[1]


def test_unknown_error_when_it_has_no_row_gives_up() -> None:
    found = choose_recovery(ModelError(), retried=False, remaining=60)
    assert found == Recovery(NextStep.GIVE_UP)
