"""What the upstream's refusals mean: from status, code and headers to a `ModelError`."""

import math
import re
import time
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz
from typing import Final

from llm.errors import (
    ModelBadRequest,
    ModelContentFiltered,
    ModelContextTooLong,
    ModelError,
    ModelKeyRejected,
    ModelNotFound,
    ModelQuotaExhausted,
    ModelRateLimited,
    ModelStreamBroken,
    ModelUnavailable,
)

# OpenAI's own codes, and those of Azure and of gateways that speak its protocol.
ERRORS_BY_CODE: dict[str, type[ModelError]] = {
    "insufficient_quota": ModelQuotaExhausted,
    "billing_hard_limit_reached": ModelQuotaExhausted,
    "billing_not_active": ModelQuotaExhausted,
    "account_deactivated": ModelKeyRejected,
    "invalid_api_key": ModelKeyRejected,
    "rate_limit_exceeded": ModelRateLimited,
    "context_length_exceeded": ModelContextTooLong,
    "content_filter": ModelContentFiltered,
    "content_policy_violation": ModelContentFiltered,
    "model_not_found": ModelNotFound,
}
ERRORS_BY_STATUS: dict[int, type[ModelError]] = {
    401: ModelKeyRejected,
    403: ModelKeyRejected,
    404: ModelNotFound,
    408: ModelUnavailable,
    409: ModelUnavailable,
    413: ModelContextTooLong,
    429: ModelRateLimited,
}
# How servers name the optional part of a request that they do not understand.
PARTS: Final = {
    "stream_options": re.compile(r"stream_options|include_usage"),
    "identifiers": re.compile(r"safety_identifier|prompt_cache_key"),
    "logprobs": re.compile(r"logprob"),
    "structured_output": re.compile(r"response_format|json_schema|structured.output|guided"),
    "tools": re.compile(r"\btools?\b|tool_choice|functions?\b"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """The facts of a refused request; `message` is read here and goes no further."""

    status: int | None
    code: str
    message: str
    param: str = ""
    retry_after: str | None = None
    request_id: str | None = None


def translate_refusal(refusal: Refusal) -> ModelError:
    """Return the error for a refusal; without a status, for an error within the stream."""
    kind = _find_kind(refusal)
    if issubclass(kind, ModelRateLimited):
        return kind(
            parse_retry_after(refusal.retry_after),
            status=refusal.status,
            request_id=refusal.request_id,
        )
    if issubclass(kind, ModelBadRequest):
        return kind(_find_part(refusal), status=refusal.status, request_id=refusal.request_id)
    return kind(status=refusal.status, request_id=refusal.request_id)


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds a `Retry-After` header names, as a number or as an HTTP date."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        at = parsedate_tz(value)
        seconds = mktime_tz(at) - time.time() if at else math.nan
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _find_kind(refusal: Refusal) -> type[ModelError]:
    if kind := ERRORS_BY_CODE.get(refusal.code):
        return kind
    if refusal.status is None:
        return ModelStreamBroken
    if refusal.status == 400 and "context length" in refusal.message.lower():
        # vLLM and others give no code for it.
        return ModelContextTooLong
    if refusal.status >= 500:
        return ModelUnavailable
    return ERRORS_BY_STATUS.get(refusal.status, ModelBadRequest)


def _find_part(refusal: Refusal) -> str:
    """Return the optional part that was refused, the parameter's name before the message."""
    for said in (refusal.param, refusal.message):
        for part, name in PARTS.items():
            if name.search(said.lower()):
                return part
    return ""
