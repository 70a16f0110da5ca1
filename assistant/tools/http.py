"""Calls a server of the company as a configured tool says: signed, bounded, never redirected."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

from django.conf import settings
from pydantic import BaseModel

from assistant.models import Audience, Effect, HttpTool
from assistant.tools.caller import Caller
from assistant.tools.definitions import Tool, ToolRefused, card_from, mapped
from assistant.tools.http_definitions import (
    IN_QUERY,
    SECRET,
    card_template,
    fill_in,
    values_of,
    with_query,
)
from assistant.tools.schema import arguments_model
from core.calling import Answer, Outgoing, send
from core.fetching import AddressRefused, FetchFailed, Limits, NotConnected

MAX_BYTES = 64_000
# Said by a server that has not done it, and may do it later: not known to be refused.
NOT_NOW = {408, 425, 429}
HIDDEN = "\u2022\u2022\u2022"


class CallFailed(Exception):
    """The request was sent and no usable answer came; the text is a code for the record."""


def http_tool(row: HttpTool) -> Tool:
    """Return the tool that ``row`` configures; raise ``ValueError`` where it can't be used."""
    model = arguments_model(row.parameters)
    effect = Effect(row.effect)
    template = card_template(row)
    describe = card_from(template, known=set(model.model_fields)) if effect == "write" else None
    return Tool(
        name=row.name,
        description=row.description,
        arguments=model,
        parameters=row.parameters,
        run=HttpCall(row, secret=row.site.secret),
        effect=effect,
        audience=Audience(row.audience),
        rate=row.rate_a_minute,
        timeout=row.timeout_seconds,
        describe=describe,
        request=(row.pk, row.method, row.url_template, row.headers, template),
    )


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One configured tool's request (``assistant.tools.definitions.Run``)."""

    row: HttpTool
    secret: str = field(repr=False)

    def __call__(self, arguments: BaseModel, *, caller: Caller, idempotency_key: str) -> object:
        """Send it once; a read fails by an error, an effect is done, refused or unknown."""
        request = self.request(arguments, caller=caller, idempotency_key=idempotency_key)
        limits = Limits(max_bytes=MAX_BYTES, seconds=self.row.timeout_seconds, connect_seconds=3.0)
        try:
            answer = send(request, limits=limits)
        except (AddressRefused, NotConnected) as error:
            raise ToolRefused("The service could not be reached.") from error
        except FetchFailed as error:
            raise CallFailed(error.code) from error
        return self._result(answer)

    def request(self, arguments: BaseModel, *, caller: Caller, idempotency_key: str) -> Outgoing:
        """Return the request that is sent for ``arguments``, signed."""
        url, rest = fill_in(self.row.url_template, values_of(arguments))
        body = b""
        if self.row.method in IN_QUERY:
            url = with_query(url, rest)
        else:
            body = json.dumps(rest, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {name: _value(value) for name, value in self.row.headers.items()}
        headers |= {"Accept": "application/json", "Idempotency-Key": idempotency_key}
        if body:
            headers["Content-Type"] = "application/json"
        if caller.is_verified:
            headers["X-Supportbot-Customer"] = quote(caller.external_id, safe="@.+-_")
        unsigned = Outgoing(method=self.row.method, url=url, headers=headers, body=body)
        signed = signature(unsigned, secret=self.secret, now=int(time.time()))
        return replace(unsigned, headers={**headers, "X-Supportbot-Signature": signed})

    def _result(self, answer: Answer) -> object:
        if answer.is_success:
            return self._content(answer)
        if 400 <= answer.status < 500 and answer.status not in NOT_NOW:
            words = _words(self._content(answer))
            raise ToolRefused(words or f"The service refused it ({answer.status}).")
        raise CallFailed(f"status_{answer.status}")

    def _content(self, answer: Answer) -> object:
        """Return what a server answered, without the secrets that it may have repeated."""
        secrets = [self.secret, *map(_value, filter(SECRET.fullmatch, self.row.headers.values()))]

        def hide(text: str) -> str:
            for secret in filter(None, secrets):
                text = text.replace(secret, HIDDEN)
            return text

        return mapped(_parsed(answer), hide)


def signature(request: Outgoing, *, secret: str, now: int) -> str:
    """Return the header's value: ``v1`` signs the body; ``v2`` also whom and what it is about.

    ``now`` is in Unix seconds, and so is ``t``: a receiver refuses what is older than minutes.
    """
    parts = urlsplit(request.url)
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    about = "\n".join(
        (
            f"{now}.{request.method} {target}",
            request.headers.get("X-Supportbot-Customer", ""),
            request.headers.get("Idempotency-Key", ""),
            "",
        )
    )
    first = _hmac(secret, f"{now}.".encode() + request.body)
    second = _hmac(secret, about.encode() + request.body)
    return f"t={now},v1={first},v2={second}"


def _hmac(secret: str, content: bytes) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def _value(configured: str) -> str:
    """Return a header's value, read from the environment where it names a secret."""
    found = SECRET.fullmatch(configured)
    if found is None:
        return configured
    try:
        value: str = settings.TOOL_SECRETS[found[1]]
    except KeyError:
        raise ToolRefused("The service is not set up.") from None
    return value


def _parsed(answer: Answer) -> object:
    try:
        return json.loads(answer.text) if answer.text.strip() else ""
    except (ValueError, RecursionError):
        return answer.text


def _words(content: object) -> str:
    """Return what the server says to the customer in ``message`` of its JSON, if it does."""
    words = content.get("message") if isinstance(content, dict) else None
    return words[:300] if isinstance(words, str) else ""
