"""Checks request bodies against the facts of OpenAI's published OpenAPI document."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA_PATH = Path(__file__).with_name("chat_request.schema.json")


def find_errors(kind: str, *, body: object) -> list[str]:
    """Return what is wrong with a `chat`, `moderation` or `embedding` request."""
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in _validator(kind).iter_errors(body)
    ]


@cache
def _validator(kind: str) -> Draft202012Validator:
    schema: dict[str, Any] = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    return Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": schema["$defs"]})
