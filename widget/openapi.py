"""The OpenAPI 3.1 document of the HTTP side, as data."""

from typing import Any

from assistant.cards import SHOWN_AS

Schema = dict[str, Any]


def _json(schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties}


def _problems(*statuses: int) -> Schema:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {
        str(status): {"description": "What went wrong.", "content": content} for status in statuses
    }


STRING: Schema = {"type": "string"}
UUID: Schema = {"type": "string", "format": "uuid"}
TIME: Schema = {"type": "string", "format": "date-time"}
STATUS: Schema = {"type": "string", "enum": ["assistant", "waiting", "agent", "resolved"]}
CARD_STATE: Schema = {"type": "string", "enum": sorted(set(SHOWN_AS.values()))}
BEARER: list[Schema] = [{"token": []}]
CONVERSATION: Schema = {"name": "id", "in": "path", "required": True, "schema": UUID}

SCHEMAS: Schema = {
    "Problem": _object(
        ["type", "title", "status", "detail", "code"],
        type=STRING,
        title=STRING,
        status={"type": "integer"},
        detail=STRING,
        code=STRING,
    ),
    "Customer": _object(
        [],
        external_id=STRING,
        email={"type": "string", "format": "email"},
        name=STRING,
        attributes={"type": "object"},
        expires={"type": "integer", "description": "Unix seconds, at most a day ahead."},
        signature={
            "type": "string",
            "description": "Hex HMAC-SHA-256 under the site's secret of the canonical JSON "
            "(sorted keys, no spaces) of this object without `signature`.",
        },
    ),
    "Message": _object(
        ["type", "message", "seq", "author", "text", "html", "citations", "created_at"],
        type={"const": "message"},
        message=UUID,
        seq={"type": "integer", "minimum": 1},
        author=_object(
            ["kind", "name"],
            kind={"type": "string", "enum": ["customer", "assistant", "agent", "system"]},
            name=STRING,
        ),
        text=STRING,
        html={"type": "string", "description": "Sanitised by the server."},
        citations={
            "type": "array",
            "items": _object(["title", "url", "quote"], title=STRING, url=STRING, quote=STRING),
        },
        suggestions={"type": "array", "items": STRING},
        card=_object(
            ["call", "title", "lines", "state", "expires_at"],
            call=UUID,
            title=STRING,
            lines={"type": "array", "items": STRING},
            state=CARD_STATE,
            expires_at={"type": ["string", "null"], "format": "date-time"},
        ),
        can_rate={"type": "boolean"},
        helpful={"type": ["boolean", "null"]},
        created_at=TIME,
        client_id=UUID,
    ),
    "Session": _object(
        ["token", "conversation", "expires_at", "status", "site"],
        token=STRING,
        conversation=UUID,
        expires_at=TIME,
        status=STATUS,
        site={"type": "object"},
    ),
}

OPENAPI: Schema = {
    "openapi": "3.1.0",
    "info": {"title": "supportbot", "version": "1"},
    "paths": {
        "/api/v1/sessions": {
            "post": {
                "summary": "Start or resume a session.",
                "requestBody": {
                    "required": True,
                    **_json(
                        _object(
                            ["site"],
                            site=STRING,
                            locale=STRING,
                            page_url=STRING,
                            customer=_ref("Customer"),
                            token=STRING,
                        )
                    ),
                },
                "responses": {
                    "201": {"description": "The session.", **_json(_ref("Session"))},
                    **_problems(400, 401, 403, 413, 429),
                },
            }
        },
        "/api/v1/conversations/{id}/messages": {
            "parameters": [CONVERSATION],
            "get": {
                "summary": "The messages after a sequence number, in order.",
                "security": BEARER,
                "parameters": [
                    {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 0}}
                    for name in ("after", "limit")
                ],
                "responses": {
                    "200": {
                        "description": "A page of messages.",
                        **_json(
                            _object(
                                ["messages", "last_seq", "status"],
                                messages={"type": "array", "items": _ref("Message")},
                                last_seq={"type": "integer"},
                                status=STATUS,
                            )
                        ),
                    },
                    **_problems(400, 401, 403, 404, 429),
                },
            },
            "post": {
                "summary": "Say something; stored once by client_id.",
                "security": BEARER,
                "requestBody": {
                    "required": True,
                    **_json(_object(["client_id", "text"], client_id=UUID, text=STRING)),
                },
                "responses": {
                    "200": {"description": "Known already.", **_json(_ref("Message"))},
                    "201": {"description": "Stored.", **_json(_ref("Message"))},
                    **_problems(400, 401, 403, 404, 413, 429),
                },
            },
        },
        "/api/v1/conversations/{id}/rating": {
            "parameters": [CONVERSATION],
            "post": {
                "summary": "Rate the last resolved episode, once.",
                "security": BEARER,
                "requestBody": {
                    "required": True,
                    **_json(
                        _object(
                            ["score"],
                            score={"type": "integer", "minimum": 1, "maximum": 5},
                            comment=STRING,
                        )
                    ),
                },
                "responses": {
                    "200": {"description": "Stored.", **_json({"type": "object"})},
                    **_problems(400, 401, 403, 404, 409, 429),
                },
            },
        },
        "/api/v1/conversations/{id}/confirm": {
            "parameters": [CONVERSATION],
            "post": {
                "summary": "Confirm or cancel what a message's card asks; again is harmless.",
                "security": BEARER,
                "requestBody": {
                    "required": True,
                    **_json(_object(["call", "accept"], call=UUID, accept={"type": "boolean"})),
                },
                "responses": {
                    "200": {
                        "description": "The card as it stands now.",
                        **_json(_object(["call", "state"], call=UUID, state=CARD_STATE)),
                    },
                    **_problems(400, 401, 403, 404, 429),
                },
            },
        },
        "/healthz": {"get": {"responses": {"200": {"description": "Alive."}}}},
        "/readyz": {
            "get": {
                "responses": {
                    "200": {"description": "Serving; each dependency with its state."},
                    "503": {"description": "Not serving."},
                }
            }
        },
        "/metrics": {
            "get": {
                "responses": {
                    "200": {"description": "Prometheus text, for the allowed addresses."},
                    **_problems(403),
                }
            }
        },
        "/widget.js": {"get": {"responses": {"200": {"description": "The embed script."}}}},
        "/api/v1/openapi.json": {"get": {"responses": {"200": {"description": "This."}}}},
    },
    "components": {
        "schemas": SCHEMAS,
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    },
}
