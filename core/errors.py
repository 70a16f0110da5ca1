"""The one root of errors that may reach a customer or an agent."""


class SupportError(Exception):
    """An expected failure: a stable ``code``, an HTTP status, a text fit for a customer."""

    code = "error"
    status = 400
    detail = "That did not work."

    def __init__(self, detail: str | None = None, *, retry_after: float | None = None) -> None:
        """``retry_after`` is in seconds."""
        super().__init__(detail or self.detail)
        self.detail = detail or self.detail
        self.retry_after = retry_after


class BadInput(SupportError):
    """The request's shape or content is wrong."""

    code = "bad_input"


class TooLong(SupportError):
    """A text is over its limit."""

    code = "too_long"
    status = 413
    detail = "That message is too long."


class Unauthorized(SupportError):
    """The token is missing, unknown or expired."""

    code = "unauthorized"
    status = 401
    detail = "This chat session is not valid any more."


class Forbidden(SupportError):
    """The actor is known and may not do this."""

    code = "forbidden"
    status = 403
    detail = "That is not allowed."


class NotFound(SupportError):
    """There is no such thing, or it is not the actor's to see."""

    code = "not_found"
    status = 404
    detail = "That was not found."


class Conflict(SupportError):
    """Somebody or something else was first."""

    code = "conflict"
    status = 409
    detail = "Somebody else was faster."


class RateLimited(SupportError):
    """Too many requests; ``retry_after`` says when to come back."""

    code = "rate_limited"
    status = 429
    detail = "That was too fast. Please wait a moment."


class Unavailable(SupportError):
    """The database can't be reached; the client keeps what it has and sends it again."""

    code = "unavailable"
    status = 503
    detail = "We can't store that right now. It will be sent again."
