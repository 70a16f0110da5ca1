"""Everything that can go wrong with a model, free of any text the upstream wrote."""

import re
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from llm.types import Usage


class ModelError(Exception):
    """A reply could not be written.

    `retryable` says that the same request may work a little later, `usage` what was billed all
    the same. The text holds the code, the HTTP status and the upstream's request id: safe to
    log, never its body.
    """

    code: ClassVar[str] = "model_error"
    retryable: ClassVar[bool] = False

    def __init__(self, *, status: int | None = None, request_id: str | None = None) -> None:
        self.status = status
        self.usage: Usage | None = None
        self.request_id = safe_request_id(request_id)
        super().__init__(self.code)

    def __str__(self) -> str:
        facts = [f"status={self.status}"] if self.status else []
        facts += [f"request_id={self.request_id}"] if self.request_id else []
        return " ".join([self.code, *facts])


class ModelUnavailable(ModelError):
    """Network failure, no first token in time, 5xx, or an open circuit breaker."""

    code = "model_unavailable"
    retryable = True


class ModelNotFound(ModelUnavailable):
    """The configured model does not exist upstream, or not for this key."""

    code = "model_not_found"
    retryable = False


class ModelRateLimited(ModelError):
    """429; `retry_after` is in seconds, None when the upstream did not say."""

    code = "model_rate_limited"
    retryable = True

    def __init__(
        self,
        retry_after: float | None = None,
        *,
        status: int | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(status=status, request_id=request_id)
        self.retry_after = retry_after


class ModelKeyRejected(ModelError):
    """401 or 403: the key is wrong, revoked or not allowed here."""

    code = "model_key_rejected"


class ModelQuotaExhausted(ModelError):
    """The account behind the key has no money left."""

    code = "model_quota_exhausted"


class ModelStreamBroken(ModelError):
    """The stream was cut, fell silent, was not what the protocol says, or grew too large."""

    code = "model_stream_broken"
    retryable = True


class ModelTruncated(ModelStreamBroken):
    """A whole reply was asked for, and it ended at the bound of its length."""

    code = "model_truncated"


class ModelContentFiltered(ModelError):
    """The upstream refused the prompt for its content."""

    code = "model_content_filtered"


class ModelContextTooLong(ModelError):
    """The prompt does not fit; worth one more try with a shorter one."""

    code = "model_context_too_long"


class ModelDeadlineExceeded(ModelError):
    """The request's own deadline passed."""

    code = "model_deadline_exceeded"


class ModelBadRequest(ModelError):
    """The upstream refused the request's form: a defect of ours or of the configuration."""

    code = "model_bad_request"

    def __init__(
        self, part: str = "", *, status: int | None = None, request_id: str | None = None
    ) -> None:
        """Take the optional part of the protocol that was refused, "" where none is named."""
        super().__init__(status=status, request_id=request_id)
        self.part = part


def safe_request_id(value: str | None) -> str:
    """Return what may be logged of an id that the upstream chose."""
    return re.sub(r"[^\w.-]", "", value or "")[:64]
