"""An ``HttpTool`` row as a tool: each field checked, its address kept from the arguments."""

import re
from urllib.parse import quote, unquote, urlencode

from django.conf import settings
from pydantic import BaseModel

from assistant.models import Effect, HttpTool
from assistant.tools.definitions import ToolRefused, card_from, fields_of
from assistant.tools.registry import NAME, registered_tools
from assistant.tools.schema import arguments_model
from core.fetching import FetchFailed, parse_url
from llm.engines import HAND_OFF_TOOL

SECRET = re.compile(r"secret:([A-Z][A-Z0-9_]{0,60})")
HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
VALUE = re.compile(r"[\x20-\x7e]{0,2000}")
# Made by the server, or they would change what the request is.
OWN_HEADERS = {
    "connection", "content-length", "content-type", "cookie", "expect", "host", "idempotency-key",
    "te", "trailer", "transfer-encoding", "upgrade",
}  # fmt: skip
OWN_PREFIXES = ("x-supportbot-", "proxy-")
IN_QUERY = {HttpTool.Method.GET, HttpTool.Method.DELETE}


def find_errors(row: HttpTool) -> dict[str, str]:
    """Return what is wrong with a configured tool, by field; empty where it can be used."""
    errors: dict[str, str] = {}
    checks = {
        "name": _check_name,
        "parameters": _check_parameters,
        "url_template": _check_url,
        "headers": _check_headers,
        "method": _check_method,
        "card_title": _check_card,
    }
    for field, check in checks.items():
        if "parameters" in errors and check in {_check_url, _check_card}:
            # They name the schema's properties: what they would complain of comes from it.
            continue
        try:
            check(row)
        except ValueError as error:
            errors[field] = f"{error}.".replace("..", ".")
    return errors


def _check_name(row: HttpTool) -> None:
    if not NAME.fullmatch(row.name):
        raise ValueError("Use a-z, 0-9 and _, and begin with a letter: the model calls it so")
    if row.name == HAND_OFF_TOOL.name or row.name in {one.name for one in registered_tools()}:
        raise ValueError("A tool of this installation has this name")


def _check_parameters(row: HttpTool) -> None:
    arguments_model(row.parameters)


def _check_url(row: HttpTool) -> None:
    """The host and all before it are fixed: no argument chooses who is asked."""
    head, _, tail = row.url_template.partition("://")
    authority = re.split(r"[/?#]", tail, maxsplit=1)[0]
    if "{" in head + authority or "}" in head + authority:
        raise ValueError("The host can't come from an argument")
    if "#" in row.url_template:
        raise ValueError("A part after # is never sent")
    names = fields_of(row.url_template)
    required = _required(row)
    for name in names:
        if name not in required:
            raise ValueError(f"{{{name}}} must be a required property of the schema")
    try:
        parse_url(row.url_template.format(**dict.fromkeys(names, "1")))
    except FetchFailed as error:
        raise ValueError(error.detail) from error


def _check_headers(row: HttpTool) -> None:
    if not isinstance(row.headers, dict):
        raise ValueError("Headers are an object of names and values")
    for name, value in row.headers.items():
        if not HEADER.fullmatch(name):
            raise ValueError(f"{name!r} is not a header's name")
        if name.casefold() in OWN_HEADERS or name.casefold().startswith(OWN_PREFIXES):
            raise ValueError(f"{name} is set by the server")
        if not isinstance(value, str) or not VALUE.fullmatch(value):
            raise ValueError(f"{name}: a value is one line of plain characters")
        if value.startswith("secret:"):
            _check_secret(name, value)


def _check_secret(header: str, value: str) -> None:
    found = SECRET.fullmatch(value)
    if found is None:
        raise ValueError(f"{header}: write secret:NAME, its name in capitals")
    if found[1] not in settings.TOOL_SECRETS:
        raise ValueError(f"{header}: neither TOOL_SECRET_{found[1]} nor its _FILE is set")


def _check_method(row: HttpTool) -> None:
    is_read = row.effect == Effect.READ
    if is_read and row.method not in {HttpTool.Method.GET, HttpTool.Method.POST}:
        raise ValueError(f"{row.method} changes something: the effect must say so")
    if not is_read and row.method == HttpTool.Method.GET:
        raise ValueError("A GET must not change anything: choose another method")


def _check_card(row: HttpTool) -> None:
    if row.effect == Effect.WRITE:
        card_from(card_template(row), known=_properties(row))


def card_template(row: HttpTool) -> str:
    """Return the title and the lines of what the customer confirms."""
    return f"{row.card_title}\n{row.card_text}"


def _properties(row: HttpTool) -> set[str]:
    properties = row.parameters.get("properties") if isinstance(row.parameters, dict) else None
    return set(properties) if isinstance(properties, dict) else set()


def _required(row: HttpTool) -> set[str]:
    required = row.parameters.get("required") if isinstance(row.parameters, dict) else None
    return {name for name in required if isinstance(name, str)} if required else set()


def fill_in(template: str, values: dict[str, object]) -> tuple[str, dict[str, object]]:
    """Return the address for ``values``, each percent-encoded whole, and the values left over.

    Raises ``ToolRefused`` where a value would lead to another path than the template's.
    """
    quoted = {name: quote(as_text(value), safe="") for name, value in values.items()}
    path, mark, query = template.partition("?")
    filled = "/".join(_filled_segment(one, quoted) for one in path.split("/"))
    url = f"{filled}{mark}{query.format_map(quoted)}"
    used = fields_of(template)
    return url, {name: value for name, value in values.items() if name not in used}


def _filled_segment(template: str, quoted: dict[str, str]) -> str:
    """Return one part of a path; raise ``ToolRefused`` where it would be none, or several.

    Many a server decodes ``%2F`` before it looks for the path's parts, or twice: what is a slash in
    the end leads elsewhere, as dots do, and nothing at all, where ``/orders/`` lists everybody's.
    """
    filled = template.format_map(quoted)
    if fields_of(template):
        plain = _decoded(filled)
        if plain.strip() in {"", ".", ".."} or "/" in plain or "\\" in plain:
            raise ToolRefused("That is not a usable value.")
    return filled


def _decoded(text: str) -> str:
    """Return a text with its percent-encodings undone, however often it was encoded."""
    while (plain := unquote(text)) != text:
        text = plain
    return text


def with_query(url: str, values: dict[str, object]) -> str:
    """Return ``url`` with ``values`` in its query."""
    if not values:
        return url
    pairs = [(name, as_text(one)) for name, value in values.items() for one in _each(value)]
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"


def _each(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def as_text(value: object) -> str:
    """Return a value as an address holds it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def values_of(arguments: BaseModel) -> dict[str, object]:
    """Return the arguments that were given."""
    return {
        name: value
        for name, value in arguments.model_dump(mode="json").items()
        if value is not None
    }
