"""From refusals to errors, and from errors to the next step, as tables."""

import email.utils
import time

import pytest

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
    ModelUnavailable,
)
from llm.recovery import (
    NextStep,
    another_model_may_help,
    choose_recovery,
    counts_as_outage,
)
from llm.translation import Refusal, parse_retry_after, translate_refusal


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (400, "", "Unknown parameter", ModelBadRequest),
        (400, "context_length_exceeded", "", ModelContextTooLong),
        (400, "", "This model's maximum context length is 8192 tokens", ModelContextTooLong),
        (400, "content_filter", "", ModelContentFiltered),
        (400, "billing_hard_limit_reached", "", ModelQuotaExhausted),
        (401, "", "", ModelKeyRejected),
        (403, "", "", ModelKeyRejected),
        (403, "model_not_found", "", ModelNotFound),
        (404, "", "", ModelNotFound),
        (408, "", "", ModelUnavailable),
        (413, "", "", ModelContextTooLong),
        (422, "", "", ModelBadRequest),
        (429, "", "", ModelRateLimited),
        (429, "insufficient_quota", "", ModelQuotaExhausted),
        (500, "", "", ModelUnavailable),
        (599, "", "", ModelUnavailable),
        (None, "", "", ModelStreamBroken),
        (None, "rate_limit_exceeded", "", ModelRateLimited),
    ],
)
def test_refusal_has_its_own_error(
    status: int | None, code: str, message: str, expected: type[ModelError]
) -> None:
    error = translate_refusal(
        Refusal(status=status, code=code, message=message, request_id="req_1\n<b>")
    )
    assert type(error) is expected
    assert str(error) == " ".join(
        [expected.code, *([f"status={status}"] if status else []), "request_id=req_1b"]
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("2", 2.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
    ],
)
def test_retry_after_is_read_as_seconds(value: str | None, expected: float | None) -> None:
    assert parse_retry_after(value) == expected


def test_retry_after_is_read_as_a_date() -> None:
    at = email.utils.formatdate(time.time() + 30, usegmt=True)
    seconds = parse_retry_after(at)
    assert seconds is not None
    assert 25 < seconds <= 30


@pytest.mark.parametrize(
    ("param", "message", "part"),
    [
        ("response_format", "Unsupported.", "structured_output"),
        ("", "Invalid parameter: 'response_format' of type 'json_schema'.", "structured_output"),
        ("", "registry.ollama.ai/library/gemma does not support tools", "tools"),
        ("", '"auto" tool choice requires --enable-auto-tool-choice', "tools"),
        ("logprobs", "You are not allowed to request logprobs with tools.", "logprobs"),
        ("", "Stream_options.include_usage is unknown", "stream_options"),
        ("", "Unknown parameter.", ""),
        ("messages", "Too many messages.", ""),
    ],
)
def test_refused_part_is_named_by_our_own_word(param: str, message: str, part: str) -> None:
    error = translate_refusal(Refusal(status=400, code="", message=message, param=param))
    assert isinstance(error, ModelBadRequest)
    assert error.part == part


@pytest.mark.parametrize(
    ("error", "retried", "remaining", "expected"),
    [
        (ModelUnavailable(), False, 60.0, NextStep.RETRY),
        (ModelUnavailable(), True, 60.0, NextStep.NEXT_MODEL),
        (ModelUnavailable(), False, 3.0, NextStep.NEXT_MODEL),
        (ModelStreamBroken(), False, 60.0, NextStep.RETRY),
        (ModelRateLimited(2.0), False, 60.0, NextStep.RETRY),
        (ModelRateLimited(58.0), False, 60.0, NextStep.NEXT_MODEL),
        (ModelRateLimited(None), False, 60.0, NextStep.RETRY),
        (ModelRateLimited(2.0), True, 60.0, NextStep.NEXT_MODEL),
        (ModelNotFound(), False, 60.0, NextStep.NEXT_MODEL),
        (ModelKeyRejected(), False, 60.0, NextStep.NEXT_KEY),
        (ModelQuotaExhausted(), True, 60.0, NextStep.NEXT_KEY),
        (ModelContentFiltered(), False, 60.0, NextStep.GIVE_UP),
        (ModelContextTooLong(), False, 60.0, NextStep.GIVE_UP),
        (ModelBadRequest(), False, 60.0, NextStep.SIMPLER),
        (ModelDeadlineExceeded(), False, 60.0, NextStep.GIVE_UP),
    ],
)
def test_recovery_has_its_own_step(
    error: ModelError, retried: bool, remaining: float, expected: NextStep
) -> None:
    assert choose_recovery(error, retried=retried, remaining=remaining).step is expected


def test_wait_is_never_shorter_than_retry_after() -> None:
    least, most = choose_recovery(ModelRateLimited(7.0), retried=False, remaining=60.0).wait
    assert least == 7.0
    assert most > least


@pytest.mark.parametrize(
    ("error", "outage", "next_model"),
    [
        (ModelUnavailable(), True, True),
        (ModelStreamBroken(), True, True),
        (ModelNotFound(), False, True),
        (ModelRateLimited(), False, True),
        (ModelKeyRejected(), False, False),
        (ModelDeadlineExceeded(), False, False),
        (ModelContentFiltered(), False, False),
    ],
)
def test_outage_is_told_from_refusal(error: ModelError, outage: bool, next_model: bool) -> None:
    assert counts_as_outage(error) is outage
    assert another_model_may_help(error) is next_model
